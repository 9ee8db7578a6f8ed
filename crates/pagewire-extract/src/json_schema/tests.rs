use std::time::Duration;

use serde_json::json;

use super::*;
use crate::cpu_clock::CpuClock;
use crate::sketch::FieldType;

fn read(schema: &Value) -> (Shape, JsonSchema) {
    JsonSchema::read(schema, "/extract").expect("a good schema")
}

fn pointers(schema: &Value) -> Vec<String> {
    let faults = JsonSchema::read(schema, "/extract").expect_err("refused");
    faults.into_iter().map(|fault| fault.pointer).collect()
}

/// The pointers of the faults that data has under a strict schema.
fn faults(schema: &Value, data: &Value) -> Vec<String> {
    let mut schema = schema.clone();
    schema["strict"] = true.into();
    let Value::Object(data) = data.clone() else { panic!("an object") };
    match read(&schema).1.conclude(data) {
        Ok(_) => Vec::new(),
        Err(unsatisfied) => unsatisfied.faults.into_iter().map(|fault| fault.pointer).collect(),
    }
}

/// A schema whose one property `v` is this.
fn of_v(schema: &Value) -> Value {
    json!({"type": "object", "properties": {"v": schema}})
}

#[test]
fn a_schema_is_told_from_a_sketch() {
    for schema in [
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"a": {}}}),
        json!({"type": "object", "properties": {"name": {"type": "string"}}}),
        json!({"type": ["object", "null"], "properties": {"name": {"type": "strnig"}}}),
        json!({"properties": {"name": {"type": "string"}}, "required": ["name"]}),
        json!({"type": "object", "required": ["name"]}),
        json!({"$ref": "#/$defs/P", "$defs": {"P": {"type": "object", "properties": {"a": true}}}}),
        json!({"anyOf": [{"type": "object"}, {"type": "null"}]}),
        json!({"type": "array", "items": {"type": "object"}}),
        json!({"type": "object", "properties": {}}),
    ] {
        assert!(JsonSchema::is_one(&schema), "{schema}");
    }
    for sketch in [
        json!({"name": "string", "price": "number"}),
        json!({"type": "string", "properties": "string"}),
        json!({"type": "object", "name": "string"}),
        json!({"type": "string", "properties": {"color": "string"}, "required": "boolean"}),
        json!({"properties": {"color": "string"}}),
        json!({"properties": {"size": {"width": "number"}}, "name": "string"}),
        json!({"title": "string", "description": "string", "items": [{"name": "string"}]}),
        json!({"name": {"css": "h1"}, "$id": "string"}),
        json!({"anyOf": [{"name": "string"}]}),
    ] {
        assert!(!JsonSchema::is_one(&sketch), "{sketch}");
    }
}

#[test]
fn what_is_looked_for_comes_from_types_references_and_alternatives() {
    let (shape, _) = read(&json!({
        "$defs": {"Offer": {"type": "object", "title": "An offer", "properties": {"price": {"type": "number"}}}},
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "the product's name", "default": "made up"},
            "stock": {"type": ["null", "integer"]},
            "ok": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
            "kind": {"enum": ["new", "used", null]},
            "state": {"anyOf": [{"const": "a"}, {"const": "b"}, {"type": "null"}]},
            "year": {"enum": [2023, 2024]},
            "offer": {"$ref": "#/$defs/Offer"},
            "offers": {"type": "array", "items": {"allOf": [{"$ref": "#/$defs/Offer"}, {"properties": {"seller": {"type": "string"}}}]}},
            "pair": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]},
            "tags": {"type": "array"},
            "extra": {"type": "object"},
            "any": {},
            "price": {"type": "number", "nullable": true},
        }
    }));
    let told: Vec<String> = shape.fields.iter().map(|field| format!("{:?}", field.from)).collect();
    assert_eq!(told[..4], ["Text", "Integer", "Boolean", r#"Enum(["new", "used"])"#]);
    assert_eq!(told[4..6], [r#"Enum(["a", "b"])"#, "Integer"]);
    assert!(matches!(&shape.fields[6].from, FieldType::Object(of) if of.fields[0].name == "price"));
    let FieldType::Array(of) = &shape.fields[7].from else { panic!("an array") };
    assert!(matches!(&**of, FieldType::Object(of) if of.fields.len() == 2));
    assert_eq!(told[8..], ["Array(Number)", "Array(Text)", "Record", "Text", "Number"]);
    assert_eq!(shape.fields[0].hint, ["the", "product", "s", "name"]);
    assert_eq!(shape.fields[6].hint, ["an", "offer"]);
}

#[test]
fn a_broken_schema_is_told_by_its_pointer() {
    for (broken, expected) in [
        (json!({"type": "strnig"}), "/type"),
        (json!({"type": ["string", 1]}), "/type"),
        (json!({"type": []}), "/type"),
        (json!({"properties": []}), "/properties"),
        (json!({"properties": {"a/b": {"type": "x"}}}), "/properties/a~1b/type"),
        (json!({"required": "name"}), "/required"),
        (json!({"required": [1]}), "/required"),
        (json!({"enum": []}), "/enum"),
        (json!({"anyOf": []}), "/anyOf"),
        (json!({"anyOf": [1]}), "/anyOf/0"),
        (json!({"items": 3}), "/items"),
        (json!({"minLength": -1}), "/minLength"),
        (json!({"minimum": "0"}), "/minimum"),
        (json!({"exclusiveMinimum": true}), "/exclusiveMinimum"),
        (json!({"multipleOf": 0}), "/multipleOf"),
        (json!({"pattern": "("}), "/pattern"),
        (json!({"pattern": "(?=a)b"}), "/pattern"),
        (json!({"pattern": "(a{1000}){1000}"}), "/pattern"),
        (json!({"patternProperties": {"[": {}}}), "/patternProperties"),
        (json!({"format": 1}), "/format"),
        (json!({"$ref": "#/$defs/None"}), "/$ref"),
        (json!({"$ref": "https://a.example/schema.json"}), "/$ref"),
        (json!({"$ref": "other.json#/a"}), "/$ref"),
        (json!({"$ref": "#anchor"}), "/$ref"),
        (json!({"$ref": 1}), "/$ref"),
        (json!({"nullable": "yes"}), "/nullable"),
        (json!({"unevaluatedProperties": false}), "/unevaluatedProperties"),
        (json!({"$defs": {"x": {"type": "nope"}}}), "/$defs/x/type"),
    ] {
        assert_eq!(pointers(&of_v(&broken)), [format!("/extract/properties/v{expected}")], "{broken}");
    }
    for (broken, expected) in [
        (json!({"type": "array", "items": {"type": "object"}}), "/extract"),
        (json!({"type": "object", "properties": {}}), "/extract"),
        (json!({"type": "object", "properties": {"a": true}, "strict": "yes"}), "/extract/strict"),
        (
            json!({"$schema": "http://json-schema.org/draft-03/schema#", "type": "object", "properties": {"a": true}}),
            "/extract/$schema",
        ),
    ] {
        assert_eq!(pointers(&broken), [expected], "{broken}");
    }
}

#[test]
fn what_recurs_is_looked_for_a_few_levels_deep_and_needs_a_bottom() {
    let tree = |children: Value| {
        json!({"$ref": "#/$defs/Node", "$defs": {"Node": {
            "type": "object", "required": ["children"],
            "properties": {"name": {"type": "string"}, "children": children},
        }}})
    };
    let (shape, _) = read(&tree(json!({"type": "array", "items": {"$ref": "#/$defs/Node"}})));
    let mut depth = 1;
    let mut at = &shape;
    while let Some(field) = at.fields.iter().find(|field| field.name == "children") {
        let FieldType::Array(of) = &field.from else { panic!("an array") };
        let FieldType::Object(inner) = &**of else { panic!("an object") };
        (at, depth) = (inner, depth + 1);
    }
    assert_eq!(depth, 3);
    read(&tree(json!({"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]})));
    read(&json!({"type": "object", "properties": {"self": {"$ref": "#"}, "name": {"type": "string"}}}));
    for children in [
        json!({"$ref": "#/$defs/Node"}),
        json!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Node"}}),
        json!({"anyOf": [{"$ref": "#/$defs/Node"}, {"$ref": "#"}]}),
    ] {
        let faults = pointers(&tree(children));
        assert!(faults.iter().all(|pointer| pointer.ends_with("/$ref")), "{faults:?}");
    }
    for circle in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}, {}]}}}),
    ] {
        assert_eq!(pointers(&circle).len(), 1, "{circle}");
    }
}

#[test]
fn each_keyword_is_held_against_the_data() {
    for (schema, good, bad) in [
        (json!({"type": "string"}), vec![json!("a")], vec![json!(1), json!(null)]),
        (
            json!({"type": ["integer", "null"]}),
            vec![json!(1), json!(2.0), json!(null)],
            vec![json!(1.5), json!("1")],
        ),
        (json!({"type": "string", "nullable": true}), vec![json!(null)], vec![json!(1)]),
        (json!({"enum": ["a", 1]}), vec![json!("a"), json!(1.0)], vec![json!("b"), json!(true)]),
        (json!({"const": "a"}), vec![json!("a")], vec![json!("A")]),
        (
            json!({"minimum": 1, "exclusiveMaximum": 3}),
            vec![json!(1), json!(2.9), json!("x")],
            vec![json!(0), json!(3)],
        ),
        (json!({"maximum": 1, "exclusiveMinimum": 0}), vec![json!(1)], vec![json!(1.1), json!(0)]),
        (
            json!({"multipleOf": 0.01}),
            vec![json!(9.99), json!(0.07), json!(1_000_000.01)],
            vec![json!(0.005)],
        ),
        (
            json!({"minLength": 2, "maxLength": 3}),
            vec![json!("åä"), json!(1)],
            vec![json!("a"), json!("abcd")],
        ),
        (json!({"pattern": "^[A-Z]"}), vec![json!("Ab")], vec![json!("ab")]),
        (json!({"format": "date"}), vec![json!("2024-03-01"), json!(1)], vec![json!("March 1")]),
        (json!({"format": "unheard-of"}), vec![json!("x")], vec![]),
        (
            json!({"items": {"type": "number"}, "minItems": 1, "maxItems": 2}),
            vec![json!([1])],
            vec![json!([]), json!([1, 2, 3]), json!(["x"])],
        ),
        (
            json!({"prefixItems": [{"type": "number"}], "items": false}),
            vec![json!([1]), json!([])],
            vec![json!([1, 2]), json!(["a"])],
        ),
        (
            json!({"items": [{"type": "number"}], "additionalItems": {"type": "string"}}),
            vec![json!([1, "a"])],
            vec![json!([1, 2])],
        ),
        (json!({"uniqueItems": true}), vec![json!([1, 2, "1"])], vec![json!([1, 1])]),
        (
            json!({"contains": {"type": "number"}, "maxContains": 1}),
            vec![json!(["a", 1])],
            vec![json!(["a"]), json!([1, 2])],
        ),
        (
            json!({"properties": {"a": {"type": "number"}}, "required": ["a"], "additionalProperties": false}),
            vec![json!({"a": 1}), json!("x")],
            vec![json!({}), json!({"a": "x"}), json!({"a": 1, "b": 2})],
        ),
        (json!({"additionalProperties": {"type": "string"}}), vec![json!({"a": "x"})], vec![json!({"a": 1})]),
        (
            json!({"patternProperties": {"^x": {"type": "number"}}, "additionalProperties": false}),
            vec![json!({"xa": 1})],
            vec![json!({"xa": "b"}), json!({"y": 1})],
        ),
        (
            json!({"propertyNames": {"maxLength": 2}, "maxProperties": 2, "minProperties": 1}),
            vec![json!({"ab": 1})],
            vec![json!({"abc": 1}), json!({}), json!({"a": 1, "b": 2, "c": 3})],
        ),
        (json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), vec![json!(1)], vec![json!(0), json!(3)]),
        (json!({"anyOf": [{"type": "string"}, {"minimum": 5}]}), vec![json!("a"), json!(5)], vec![json!(4)]),
        (json!({"oneOf": [{"minimum": 1}, {"minimum": 5}]}), vec![json!(2)], vec![json!(6), json!(0)]),
        (json!({"not": {"type": "string"}}), vec![json!(1)], vec![json!("a")]),
        (
            json!({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"minimum": 2}}),
            vec![json!("ab"), json!(2)],
            vec![json!("a"), json!(1)],
        ),
        (json!({"$ref": "#/properties/w/x-own"}), vec![json!(1)], vec![json!("a")]),
        (json!(true), vec![json!(1)], vec![]),
        (json!(false), vec![], vec![json!(1)]),
    ] {
        let mut whole = of_v(&schema);
        whole["required"] = json!(["v"]);
        whole["properties"]["w"] = json!({"x-own": {"type": "number"}, "type": "string"});
        for good in good {
            assert_eq!(faults(&whole, &json!({"v": good})), Vec::<String>::new(), "{schema} {good}");
        }
        for bad in bad {
            let found = faults(&whole, &json!({"v": bad}));
            assert!(
                !found.is_empty() && found.iter().all(|fault| fault.starts_with("/data/v")),
                "{schema} {bad} {found:?}"
            );
        }
    }
}

#[test]
fn faults_point_into_the_data() {
    let schema = json!({"type": "object", "required": ["name", "gone"], "properties": {
        "name": {"type": "string"},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"a/b": {"type": "number", "maximum": 5}}}},
        "offer": {"anyOf": [{"$ref": "#/$defs/O"}, {"type": "null"}]},
    }, "$defs": {"O": {"type": "object", "properties": {"price": {"type": "number", "minimum": 0}}}}});
    let data = json!({"name": null, "rows": [{"a/b": 1}, {"a/b": 9}], "offer": {"price": -1}});
    assert_eq!(
        faults(&schema, &data),
        ["/data/gone", "/data/name", "/data/rows/1/a~1b", "/data/offer/price"]
    );
}

#[test]
fn what_was_not_found_is_left_out_of_strict_data_where_it_may_be() {
    let schema = |is_strict: bool| {
        json!({"type": "object", "strict": is_strict, "required": ["r"], "properties": {
            "r": {"type": "string"}, "n": {"type": ["string", "null"]}, "o": {"type": "string", "default": "x"},
            "day": {"type": "string", "format": "date"},
            "in": {"type": "object", "properties": {"o": {"type": "string"}, "p": {"type": "number"}}},
        }})
    };
    let found =
        json!({"r": "a", "n": null, "o": null, "day": "2024-03-01T10:00:00", "in": {"o": null, "p": 1}});
    let Value::Object(found) = found else { panic!("an object") };
    let conclude =
        |is_strict| Value::Object(read(&schema(is_strict)).1.conclude(found.clone()).expect("satisfied"));
    assert_eq!(conclude(true), json!({"r": "a", "n": null, "day": "2024-03-01", "in": {"p": 1}}));
    assert_eq!(
        conclude(false),
        json!({"r": "a", "n": null, "o": null, "day": "2024-03-01", "in": {"o": null, "p": 1}})
    );
}

#[test]
fn hostile_schemas_are_refused_or_checked_in_bounds() {
    let started = CpuClock::start();
    let nested = |depth: usize| (0..depth).fold(json!({"type": "string"}), |of, _| of_v(&of));
    assert_eq!(pointers(&nested(60)).len(), 1);
    let wide = |count: usize| -> Value {
        let all: Map<String, Value> =
            (0..count).map(|n| (format!("p{n}"), json!({"type": "string"}))).collect();
        json!({"type": "object", "properties": all})
    };
    assert_eq!(pointers(&wide(501)), ["/extract"]);
    assert_eq!(pointers(&wide(5_000)).len(), 1);
    // Each doubles the next: 2^30 ways through.
    let mut doubling = of_v(&json!({"$ref": "#/$defs/d0"}));
    for n in 0..30 {
        let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
        doubling["$defs"][format!("d{n}")] = json!({"allOf": [next, next]});
    }
    doubling["$defs"]["d30"] = json!({"type": "number"});
    assert_eq!(pointers(&doubling).len(), 1);
    let mut fan = of_v(&json!({"$ref": "#/$defs/d0"}));
    for n in 0..15 {
        let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
        fan["$defs"][format!("d{n}")] = json!({"allOf": [next, next, next, next]});
    }
    fan["$defs"]["d15"] = json!({"type": "number"});
    assert_eq!(faults(&fan, &json!({"v": 1})), ["/data"]);
    let deep = (0..120).fold(json!(1), |of, _| json!({"a": of}));
    let recursive = json!({"type": "object", "properties": {"v": {"$ref": "#/$defs/r"}}, "$defs": {"r": {
        "type": ["object", "number"], "allOf": [{"additionalProperties": {"$ref": "#/$defs/r"}}, {"additionalProperties": {"$ref": "#/$defs/r"}}],
    }}});
    assert_eq!(faults(&recursive, &json!({"v": deep})), ["/data"]);
    let branching = json!({"type": "object", "properties": {
        "a": {"$ref": "#"}, "b": {"$ref": "#"}, "c": {"$ref": "#"}, "d": {"$ref": "#"}, "e": {"$ref": "#"}, "f": {"$ref": "#"},
        "g": {"$ref": "#"}, "h": {"$ref": "#"}, "i": {"type": "string"},
    }});
    assert!(
        format!("{:?}", read(&branching).0).matches("Text").count() == 9,
        "two levels of it are few enough"
    );
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
