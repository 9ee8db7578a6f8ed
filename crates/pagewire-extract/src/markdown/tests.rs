use crate::dom::Document;

use super::*;

fn markdown(html: &str) -> String {
    let document = Document::from(html);
    let base = Url::parse("http://site.example/x/").expect("a url");
    of_content(&Content::whole(&document), &base)
}

#[test]
fn headings_paragraphs_and_inline_marks() {
    assert_eq!(
        markdown(
            "<h1>A <a class=anchor href='#a'>¶</a></h1><p>one <b> two </b>three<em>!</em></p><p>four<br>five<br></p><hr><p>six"
        ),
        "# A\n\none **two** three!\n\nfour  \nfive\n\n---\n\nsix"
    );
}

#[test]
fn links_and_images_are_absolute_and_none_is_empty() {
    assert_eq!(
        markdown(
            "<p><a href='/a(b)'>link</a> <a href=/c></a><a href='javascript:x'>d</a> <a href=e><img src=f.png alt='[g]'></a><img src='data:x'>"
        ),
        "[link](http://site.example/a%28b%29) d [![\\[g\\]](http://site.example/x/f.png)](http://site.example/x/e)"
    );
}

#[test]
fn a_link_around_blocks_marks_each() {
    assert_eq!(
        markdown("<a href=/a><h2>B</h2><div>c</div></a>d"),
        "## [B](http://site.example/a)\n\n[c](http://site.example/a)\n\nd"
    );
}

#[test]
fn lists_nest_and_keep_their_numbers() {
    assert_eq!(
        markdown(
            "<ul><li>a<ul><li>b</li><li></li></ul></li><li><p>c</p><p>d</p></li></ul><ol start=9><li>e<li>f<pre>g\n h</pre></ol>"
        ),
        "- a\n  - b\n- c\n\n  d\n\n9. e\n10. f\n\n    ```\n    g\n     h\n    ```"
    );
}

#[test]
fn quotations_and_code_keep_their_shape() {
    assert_eq!(
        markdown(
            "<blockquote><p>a</p><p>b</p></blockquote><pre><code class='hljs language-rust'>fn x() {\n\n}\n</code></pre><p>use <code>a`b</code>"
        ),
        "> a\n>\n> b\n\n```rust\nfn x() {\n\n}\n```\n\nuse ``a`b``"
    );
}

#[test]
fn tables_have_a_head_and_flat_cells() {
    assert_eq!(
        markdown(
            "<table><caption>T</caption><tr><th>a<th>b<tr><td>1|2<td><b>x</b><br>y<tr><td colspan=2>z</table>"
        ),
        "T\n\n| a | b |\n| --- | --- |\n| 1\\|2 | **x** y |\n| z |  |"
    );
    assert_eq!(markdown("<table><tr><td><p>a</p><ul><li>b</ul><td>c</table>"), "a\n\n- b\n\nc");
}

#[test]
fn definitions_details_and_figures_are_told() {
    assert_eq!(
        markdown(
            "<dl><dt>a<dd>b</dl><details><summary>c</summary>d</details><figure><img src=/e><figcaption>f</figcaption></figure>"
        ),
        "**a**\n\n- b\n\n**c**\n\nd\n\n![](http://site.example/e)\n\n*f*"
    );
}

#[test]
fn text_that_looks_like_markdown_stays_text() {
    assert_eq!(
        markdown("<p># a</p><p>1. b *c* snake_case _d_ &lt;b> [e] x &amp;amp; y</p><p>- f</p><p>2 < 3</p>"),
        "\\# a\n\n1\\. b \\*c\\* snake_case \\_d\\_ \\<b> \\[e\\] x \\&amp; y\n\n\\- f\n\n2 < 3"
    );
}

#[test]
fn marks_around_tables_and_code_do_not_break_them() {
    assert_eq!(
        markdown("<b>a<table><tr><th>b<th>c<tr><td>1<td>2</table><pre>d</pre>e</b>"),
        "**a**\n\n| b | c |\n| --- | --- |\n| 1 | 2 |\n\n```\nd\n```\n\n**e**"
    );
}
