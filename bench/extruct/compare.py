"""Pagewire's structured data beside extruct's, page by page.

usage: compare.py --binary PATH [--explained FILE] [--out FILE] [--verbose] PAGES...

PAGES are HTML files or directories of them. Each is read as if it had been found at BASE_URL, by `extruct` as its
documentation says (the base from w3lib) and by Pagewire's `structured` format. What is put aside before comparing, and
nothing else is:

- JSON has no order of keys, and 1.0 is 1.
- RDFa is compared as graphs: the labels of blank nodes and the order of subjects and of values mean nothing in RDF.
- JSON-LD: extruct drops all scripts of a page when one of them is broken. It is asked script by script here, so that a
  broken one costs it that script only.

A difference is told as one of
- `tree`: extruct says what Pagewire says when it is given the tree that the HTML standard prescribes (html5lib's)
  instead of libxml2's;
- `fails`: extruct raises an exception;
- a sentence from the file of explanations;
- `unexplained`, which is a fault.
"""

import argparse
import hashlib
import json
import logging
import subprocess
import sys
from pathlib import Path

import html5lib
import lxml.html
from extruct.jsonld import JsonLdExtractor
from extruct.rdfa import RDFaExtractor
from extruct.utils import parse_xmldom_html
from extruct.w3cmicrodata import MicrodataExtractor
from w3lib.html import get_base_url

logging.disable(logging.CRITICAL)

BASE_URL = "http://site.example/a/page.html"
KINDS = ["json_ld", "microdata", "rdfa"]
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PAGES_A_RUN = 50
HEAD = """# Structured data beside the `extruct` package

Written by `bench/extruct/run`, over the pages in `bench/extruct/pages`; `compare.py` tells what each word means, and what is
put aside before comparing.

"""


class Fails(Exception):
    pass


def json_ld_of(tree):
    """Each script by itself. Tells how many it raised an exception on, too."""
    reader = JsonLdExtractor()
    values, failed = [], 0
    for script in tree.xpath('descendant-or-self::script[@type="application/ld+json"]'):
        try:
            values.extend(value for value in reader._extract_items(script) if value)
        except Exception:
            failed += 1
    return values, failed


def theirs(html, kind, base):
    """What `extruct.extract` does for a page when it is asked for all three."""
    try:
        try:
            tree = parse_xmldom_html(html, "UTF-8")
        except ValueError:  # text with an XML declaration
            tree = parse_xmldom_html(html.encode("utf-8"), "UTF-8")
        if kind == "json_ld":
            return json_ld_of(tree)
        reader = {"microdata": MicrodataExtractor, "rdfa": RDFaExtractor}[kind]()
        return list(reader.extract_items(tree, base_url=base)), 0
    except Exception as error:
        raise Fails(f"{type(error).__name__}: {error}") from error


def standard_tree(html):
    """The tree that the HTML standard prescribes, as the class of tree that extruct works on."""
    parsed = html5lib.parse(html, treebuilder="lxml", namespaceHTMLElements=False)
    text = lxml.html.tostring(parsed, encoding="unicode", method="xml")
    return text


def statements_of(nodes):
    """Expanded JSON-LD as statements; lists as their cells. A blank node is a tuple of itself and nothing more."""
    statements = set()

    def resource(name):
        return (name,) if name.startswith("_:") else name

    def term(value):
        if isinstance(value, str):
            return resource(value)
        if "@list" in value:
            head = RDF + "nil"
            for member in reversed(value["@list"]):
                cell = (f"list {len(statements)}",)
                statements.add((cell, RDF + "first", term(member)))
                statements.add((cell, RDF + "rest", head))
                head = cell
            return head
        if "@value" in value:
            language = (value.get("@language") or "").lower()
            return json.dumps([value["@value"], value.get("@type"), language])
        return resource(value["@id"])

    for node in nodes:
        for key, values in node.items():
            if key != "@id":
                for value in values if isinstance(values, list) else [values]:
                    statements.add((resource(node["@id"]), key, term(value)))
    return statements


def without_labels(statements):
    """The statements with each blank node named by all that is said of it and that it says, at whatever remove: graphs
    that colour refinement cannot tell apart are the same graph here."""
    names = {part: "" for statement in statements for part in statement if isinstance(part, tuple)}
    around = {blank: [] for blank in names}
    for statement in statements:
        for blank in {part for part in statement if isinstance(part, tuple)}:
            around[blank].append(statement)

    def named(part, of=None):
        return "*" if part == of else names.get(part, part) if isinstance(part, tuple) else part

    while True:
        refined = {}
        for blank in names:
            said = sorted(json.dumps([named(part, blank) for part in statement]) for statement in around[blank])
            refined[blank] = hashlib.sha256((names[blank] + "".join(said)).encode()).hexdigest()
        kinds = len(set(names.values()))
        names = refined
        if len(set(names.values())) == kinds:
            return sorted(json.dumps([named(part) for part in statement]) for statement in statements)


def equal(kind, ours, other):
    if kind != "rdfa":
        return ours == other
    return without_labels(statements_of(ours)) == without_labels(statements_of(other))


def pages_of(arguments):
    for argument in map(Path, arguments):
        if argument.is_dir():
            yield from sorted(path for path in argument.rglob("*") if path.suffix in {".html", ".htm", ".testhtml", ".xml"})
        else:
            yield argument


def structured(binary, base, paths):
    """What Pagewire says of pages."""
    found = {}
    for at in range(0, len(paths), PAGES_A_RUN):
        some = paths[at : at + PAGES_A_RUN]
        done = subprocess.run([binary, base, *map(str, some)], capture_output=True, check=True)
        lines = done.stdout.decode("utf-8").removesuffix("\n").split("\n")
        found.update(zip(some, (json.loads(line)["structured"] for line in lines), strict=True))
    return found


def judge(path, html, kind, ours, explained):
    """`None` where both say the same; else what the difference comes from."""
    base = get_base_url(html, BASE_URL)
    try:
        other, failed = theirs(html, kind, base)
    except Fails as error:
        return "fails", str(error), None
    if equal(kind, ours, other):
        return ("equal", None, other)
    reason = explained.get(f"{path.name}#{kind}")
    if reason:
        return "explained", reason, other
    if failed:
        # What is left of it when the scripts that it fails on are left out.
        rest = [value for value in ours if value in other]
        if rest == other:
            return "fails", f"{failed} script(s)", other
    try:
        text = standard_tree(html)
        again, _ = theirs(text, kind, base)
        if equal(kind, ours, again):
            return "tree", None, other
    except Exception:
        pass
    return "unexplained", None, other


def main():
    arguments = argparse.ArgumentParser(usage=__doc__)
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--explained")
    arguments.add_argument("--out")
    arguments.add_argument("--verbose", action="store_true")
    arguments.add_argument("pages", nargs="+")
    options = arguments.parse_args()
    explained = json.loads(Path(options.explained).read_text()) if options.explained else {}
    paths = list(pages_of(options.pages))
    found = structured(options.binary, BASE_URL, paths)
    counts = {kind: {} for kind in KINDS}
    told = []
    for path in paths:
        html = path.read_bytes().decode("utf-8", "replace")
        for kind in KINDS:
            ours = found[path][kind]
            verdict, reason, other = judge(path, html, kind, ours, explained)
            if verdict == "equal" and not ours:
                verdict = "both nothing"
            counts[kind][verdict] = counts[kind].get(verdict, 0) + 1
            if verdict in ("explained", "fails", "tree", "unexplained"):
                told.append((path.name, kind, verdict, reason or ""))
            if verdict == "unexplained" and options.verbose:
                print(f"\n== {path} {kind}\nours   {json.dumps(ours)}\ntheirs {json.dumps(other)}", file=sys.stderr)
    verdicts = ["equal", "both nothing", "tree", "fails", "explained", "unexplained"]
    lines = ["| | pages | " + " | ".join(verdicts) + " |", "|---|--:|" + "--:|" * len(verdicts)]
    for kind in KINDS:
        row = " | ".join(str(counts[kind].get(verdict, 0)) for verdict in verdicts)
        lines.append(f"| `{kind}` | {len(paths)} | {row} |")
    lines.append("")
    if told:
        lines += ["| page | kind | difference | |", "|---|---|---|---|"]
        lines += [f"| {name} | `{kind}` | {verdict} | {reason} |" for name, kind, verdict, reason in told]
    report = "\n".join(lines) + "\n"
    print(report)
    if options.out:
        Path(options.out).write_text(HEAD + report)
    return any(verdict == "unexplained" for _, _, verdict, _ in told)


if __name__ == "__main__":
    sys.exit(main())
