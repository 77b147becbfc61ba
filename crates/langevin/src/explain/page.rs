//! The figures as one HTML page that needs nothing else: no script, no request to any host.

use std::fmt::Write;

use langevin_figures::numbers::short;

use super::figure::{Check, Entry, Figure};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c1c1e;--soft:#5c5c66;--paper:#fbfaf7;--card:#fff;--line:#dcdad3}
@media(prefers-color-scheme:dark){:root{--ink:#ececf0;--soft:#a9a9b4;--paper:#16161a;--card:#1f1f25;--line:#383842}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 Georgia,'Times New Roman',serif}
main{max-width:56rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.9rem;line-height:1.25}
h2{font-size:1.3rem;line-height:1.3;margin:3rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}
p,figcaption{max-width:44rem}
nav ol{columns:2;padding-left:0;list-style:none}
nav a{color:inherit}
figure{margin:1rem 0}
figure svg{display:block;width:100%;max-width:760px;height:auto;background:#fff;border:1px solid var(--line);border-radius:6px;margin:.75rem 0}
figcaption,.soft{color:var(--soft)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font:15px/1.4 system-ui,sans-serif;margin:.75rem 0}
th,td{text-align:left;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.number{font-variant-numeric:tabular-nums;white-space:nowrap}
code{font-size:.88em;overflow-wrap:anywhere}
@media(max-width:40rem){nav ol{columns:1}body{font-size:16px}}
@media print{body{background:#fff;color:#000}figure{break-inside:avoid}nav{display:none}}
";

/// The page of `figures`, made from the random numbers of `seed`.
pub(super) fn page(figures: &[(&Entry, Figure)], seed: u64) -> String {
    let mut text = String::new();
    let count: usize = figures.iter().map(|(_, figure)| figure.checks.len()).sum();
    let held = figures.iter().flat_map(|(_, figure)| &figure.checks).filter(|check| check.holds()).count();
    let _ = write!(
        text,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<title>The figures of the tutorial, computed</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>The figures of the tutorial, computed</h1>\n<p>Every figure of Chan, <cite>Tutorial on Diffusion Models for Imaging and \
         Vision</cite> (<a href=\"https://arxiv.org/abs/2403.18103\">arXiv 2403.18103</a>), that is shown here was computed while this \
         page was made, with the parameters that the tutorial prints where it prints them (1.x belongs to an example of its first \
         chapter). Each states what was checked against theory, and how far it was \
         off: {held} of {count} checks hold. Random numbers are those of seed {seed}.</p>\n<nav aria-label=\"figures\"><ol>\n"
    );
    for (entry, _) in figures {
        let _ = writeln!(
            text,
            "<li><a href=\"#figure-{n}\">{n} {}</a></li>",
            escaped(entry.title),
            n = entry.number
        );
    }
    text += "</ol></nav>\n";
    for (entry, figure) in figures {
        section(&mut text, entry, figure);
    }
    text += "</main>\n</body>\n</html>\n";
    text
}

fn section(text: &mut String, entry: &Entry, figure: &Figure) {
    let number = entry.number;
    let _ = write!(
        text,
        "<section aria-labelledby=\"figure-{number}\">\n<h2 id=\"figure-{number}\">Figure {number}. {}</h2>\n<figure>\n",
        escaped(entry.title)
    );
    for plot in &figure.plots {
        let title = format!("<svg role=\"img\" aria-label=\"{}\"", escaped(&plot.title));
        *text += &plot.to_svg().replacen("<svg", &title, 1);
        text.push('\n');
    }
    let _ = write!(text, "<figcaption>{}</figcaption>\n</figure>\n", escaped(&figure.caption));
    *text += "<div class=\"scroll\"><table>\n<thead><tr><th>check</th><th>found</th><th>bound</th></tr></thead>\n<tbody>\n";
    for check in &figure.checks {
        let Check { what, value, below } = check;
        let fails = if check.holds() { "" } else { " <strong>(does not hold)</strong>" };
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td class=\"number\">{}{fails}</td><td class=\"number\">&lt; {}</td></tr>",
            escaped(what),
            short(*value),
            short(*below)
        );
    }
    let _ = write!(
        text,
        "</tbody>\n</table></div>\n<p class=\"soft\">Made alone by <code>langevin explain --figure {number}</code>.</p>\n</section>\n"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_nothing_else_and_says_what_does_not_hold() {
        let entry = Entry { number: "0.1", title: "a < b", make: |_| unreachable!() };
        let figure = Figure {
            caption: "x & y".into(),
            plots: vec![langevin_figures::plot::Plot { title: "\"t\"".into(), ..Default::default() }],
            checks: vec![Check::new("off", 2.0, 1.0), Check::new("near", 0.5, 1.0)],
        };
        let page = page(&[(&entry, figure)], 3);
        for part in
            ["a &lt; b", "x &amp; y", "&quot;t&quot;", "1 of 2 checks hold", "does not hold", "seed 3"]
        {
            assert!(page.contains(part), "{part}");
        }
        // The one address is a link, which is followed by readers alone.
        assert_eq!(page.matches("http").count(), 1 + page.matches("www.w3.org").count());
        assert!(!page.contains("<script") && !page.contains("src="));
    }
}
