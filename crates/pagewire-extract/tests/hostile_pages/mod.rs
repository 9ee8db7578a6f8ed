//! Pages made to hurt, each of a size.

/// A page of about this many units; what the unit is, is the page's own.
pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    pub(crate) page: fn(usize) -> Vec<u8>,
    /// Units at full size.
    pub(crate) size: usize,
}

fn repeated(part: &str, times: usize) -> Vec<u8> {
    format!("<!doctype html><title>t</title><body>{}", part.repeat(times)).into_bytes()
}

const fn hostile(name: &'static str, size: usize, page: fn(usize) -> Vec<u8>) -> Hostile {
    Hostile { name, page, size }
}

pub(crate) const PAGES: &[Hostile] = &[
    hostile("nested divisions", 100_000, |n| repeated("<div>", n)),
    hostile("nested inline marks", 100_000, |n| repeated("<b>", n)),
    hostile("nested links around blocks", 100_000, |n| repeated("<a href=x><div>y", n)),
    hostile("nested tables", 100_000, |n| repeated("<table><tr><td>", n)),
    hostile("nested lists", 100_000, |n| repeated("<ul><li>x", n)),
    hostile("nested quotations", 100_000, |n| repeated("<blockquote>x", n)),
    hostile("nested font tags, misnested", 100_000, |n| repeated("<font><p><i></font>x", n / 4)),
    hostile("marks that each paragraph opens again", 100_000, |n| {
        let marks: String = (0..390).map(|at| format!("<i a{at}=b>")).collect();
        (marks + &"<p>x".repeat(n / 4)).into_bytes()
    }),
    hostile("nested templates and foreign elements", 100_000, |n| {
        repeated("<svg><foreignObject><math><template>", n / 4)
    }),
    hostile("a single line", 20_000_000, |n| repeated("lorem ipsum ", n / 12)),
    hostile("a single word", 20_000_000, |n| repeated("x", n)),
    hostile("a single line of stars and brackets", 4_000_000, |n| repeated("*[_`", n / 4)),
    hostile("unclosed everything", 100_000, |n| {
        repeated("<p><b><i><a href=x><li><td><h2>x<select><option>y<!-", n / 8)
    }),
    hostile("unclosed comment", 1_000_000, |n| repeated("<!--x", n / 5)),
    hostile("unclosed attribute", 1_000_000, |n| {
        [repeated("<p>x</p>", 10), vec![b'<', b'a', b' ', b'b', b'=', b'"'], vec![b'c'; n]].concat()
    }),
    hostile("unclosed script", 1_000_000, |n| repeated("<script>x</scrip", n / 16)),
    hostile("NULs", 1_000_000, |n| [repeated("<p>x", 10), vec![0; n], b"<p>y".to_vec()].concat()),
    hostile("NULs in names", 300_000, |n| repeated("<d\0iv cl\0ass=\0>\0", n / 16)),
    hostile("lone surrogates", 300_000, |n| repeated("&#xD800;&#xDFFF;&#55357;<p title='&#xDC00;'>", n / 40)),
    hostile("entities", 2_000_000, |n| {
        repeated("&lt;&amp;&nbsp;&#x41;&CounterClockwiseContourIntegral;", n / 52)
    }),
    hostile("entities that never end", 1_000_000, |n| {
        [b"<p>&".to_vec(), vec![b'a'; n], b"&#".to_vec(), vec![b'9'; n]].concat()
    }),
    hostile("an entity bomb", 1_000_000, |n| {
        let mut page = b"<?xml version='1.0'?><!DOCTYPE r [<!ENTITY a 'ha'>".to_vec();
        for level in 0..n / 50_000 {
            page.extend(format!("<!ENTITY a{level} '{}'>", "&a;".repeat(1_000)).bytes());
        }
        page.extend(b"]><r>&a9;&a19;</r>");
        page
    }),
    hostile("another charset than it says", 1_000_000, |n| {
        let mut page = b"<meta charset=utf-16><meta charset=shift_jis><p>".to_vec();
        page.extend((0..n).map(|at| (at * 131 % 251) as u8));
        page
    }),
    hostile("half of a character at a time", 1_000_000, |n| {
        let mut page = b"<meta charset=utf-8><p>".to_vec();
        page.extend([0xE3, 0x81, b' ', 0xF0, 0x9F, b'<', 0xC3].iter().cycle().take(n));
        page
    }),
    hostile("an attribute of a megabyte", 1_000_000, |n| {
        format!(
            "<p class='{0}' id='{0}'><a href='/{0}'>x</a><img src='/{0}' alt='{0}'>",
            "a-b ".repeat(n / 4)
        )
        .into_bytes()
    }),
    hostile("many attributes", 200_000, |n| {
        let attributes: String = (0..n / 10).map(|at| format!("a{at}=b ")).collect();
        format!("<p {attributes}>x<a {attributes}href=y>z</a>").into_bytes()
    }),
    hostile("duplicate ids", 100_000, |n| {
        repeated("<p id=x><a href=#x>y</a><sup><a href=#fn1>1</a></sup><li id=fn1>z</li>", n / 20)
    }),
    hostile("footnotes to themselves", 100_000, |n| {
        repeated("<ol><li id=fn1><a href=#fn1>1</a></li></ol>", n / 8)
    }),
    hostile("links that act", 200_000, |n| {
        repeated(
            "<a href='javascript:alert(1)'>a</a><a href='data:text/html,<b>'>b</a><a href='vbscript:x'>c</a>\
                  <a href=' java\tscript:x'>d</a><img src='data:image/png;base64,AAAA'>",
            n / 40,
        )
    }),
    hostile("addresses that are none", 200_000, |n| {
        repeated("<a href='http://[::1'>a</a><a href='//'>b</a><img src='http://%'>", n / 20)
    }),
    hostile("a base that is none", 100_000, |n| {
        repeated("<base href='data:x,'><base href='http://['><a href=a>b</a>", n / 20)
    }),
    hostile("spans of tables", 200_000, |n| {
        repeated("<table><tr><td colspan=99999 rowspan=99999>x<td colspan=-1 rowspan=x>y</table>", n / 40)
    }),
    hostile("short paragraphs", 200_000, |n| repeated("<p>x", n / 4)),
    hostile("rows of short cells", 400_000, |n| {
        repeated("<tr><td>1<td>2", n / 20).into_iter().chain(*b"</table>").collect()
    }),
    hostile("a table of rows of short cells", 400_000, |n| {
        [b"<table>".to_vec(), repeated("<tr>\n<td>1.25</td>\n<td>2</td>\n</tr>\n", n / 20)].concat()
    }),
    hostile("what a table throws out", 200_000, |n| {
        [b"<table>".to_vec(), repeated("x<tr class=y>", n / 12)].concat()
    }),
    hostile("a wide table", 200_000, |n| repeated("<td>x", n).into_iter().chain(*b"</table>").collect()),
    hostile("a table of spans over many rows", 200_000, |n| {
        [b"<table>".to_vec(), repeated("<tr><td rowspan=65534>x<td>y", n / 10)].concat()
    }),
    hostile("broken JSON-LD", 200_000, |n| {
        repeated("<script type='application/ld+json'>{\"@graph\":[{\"name\":\"x\",</script>", n / 60)
    }),
    hostile("huge JSON-LD", 3_000_000, |n| {
        let nodes =
            "{\"@type\":\"Product\",\"name\":\"A thing of many uses\",\"offers\":{\"price\":\"1.00\"}},"
                .repeat(n / 80);
        format!("<script type='application/ld+json'>[{nodes}{{}}]</script>").into_bytes()
    }),
    hostile("JSON-LD of nothing but small nodes", 400_000, |n| {
        format!("<script type='application/ld+json'>[{}{{}}]</script>", "{\"a\":1},".repeat(n / 8))
            .into_bytes()
    }),
    hostile("JSON-LD of nothing but numbers", 400_000, |n| {
        format!("<script type='application/ld+json'>{{\"a\":[{}1]}}</script>", "1,".repeat(n / 2))
            .into_bytes()
    }),
    hostile("JSON-LD that refers to itself", 200_000, |n| {
        let nodes: String = (0..n / 80)
            .map(|at| format!("{{\"@id\":\"#{at}\",\"@type\":\"Product\",\"isRelatedTo\":{{\"@id\":\"#{}\"}},\"offers\":{{\"@id\":\"#{at}\"}}}},", at / 2))
            .collect();
        format!("<script type='application/ld+json'>{{\"@graph\":[{nodes}{{}}]}}</script>").into_bytes()
    }),
    hostile("deep JSON-LD", 200_000, |n| {
        format!("<script type='application/ld+json'>{}</script>", "{\"a\":[".repeat(n / 6)).into_bytes()
    }),
    hostile("microdata that refers to itself", 100_000, |n| {
        repeated("<div itemscope id=a itemref='a b a'><span itemprop=x>y</span></div>", n / 40)
    }),
    hostile("nested microdata", 50_000, |n| {
        repeated("<div itemscope itemprop=a itemtype='http://schema.org/Thing'>x", n)
    }),
    hostile("headings", 200_000, |n| repeated("<h1>x</h1>", n / 10)),
    hostile("labels and tables of labels", 200_000, |n| {
        repeated("<dl><dt>Price:<dd>1<dt>Name<dd>x</dl><tr><th>Price<td>2", n / 30)
    }),
    hostile("twenty thousand labels", 20_000, |n| repeated("<p><b>Price:</b> $5", n)),
    hostile("twenty thousand rows", 20_000, |n| {
        [b"<table><tr><th>Name<th>Price".to_vec(), repeated("<tr><td>A thing<td>$ 12.50", n)].concat()
    }),
    hostile("twenty thousand cards", 20_000, |n| {
        repeated(
            "<div class=item><a href=/1><img src=a.png></a><h3>A thing</h3><span class=price>$ 12.50</span></div>",
            n,
        )
    }),
    hostile("code of fences", 500_000, |n| repeated("<pre>```\n~~~\n````</pre><code>`</code>", n / 30)),
    hostile("line breaks", 500_000, |n| repeated("<br>", n / 4)),
    hostile("marks around nothing", 300_000, |n| repeated("<b><i><s></s></i></b>x", n / 20)),
    hostile("options", 200_000, |n| repeated("<select><option>x", n / 10)),
    hostile("frames and plain text", 200_000, |n| repeated("<frameset><frame src=x><plaintext>", n / 30)),
    hostile("nothing", 1, |_| Vec::new()),
    hostile("a byte", 1, |_| vec![0xFF]),
];
