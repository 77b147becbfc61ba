//! Text as an XMP packet: XML that JPEG, WebP and TIFF files carry as it is.

/// The namespace of this program's properties.
const NAMESPACE: &str = "xmlns:langevin=\"https://ns.langevin.dev/xmp/1.0/\"";
/// Most bytes of text that are read.
const MOST: usize = 1 << 20;

/// The packet with `text`; none where there is no text.
pub(super) fn packet(text: &[(&str, String)]) -> Option<Vec<u8>> {
    if text.is_empty() {
        return None;
    }
    let property = |(keyword, value): &(&str, String)| {
        format!("<langevin:{keyword}>{}</langevin:{keyword}>", escaped(value))
    };
    let properties: String = text.iter().map(property).collect();
    Some(
        format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
             <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" \
             {NAMESPACE}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>"
        )
        .into_bytes(),
    )
}

/// The text of the packet of this program that is somewhere in `bytes`.
pub(super) fn read(bytes: &[u8]) -> Vec<(String, String)> {
    let Some(at) = find(bytes, NAMESPACE.as_bytes()) else { return Vec::new() };
    let rest = &bytes[at..bytes.len().min(at + MOST)];
    let rest = &rest[..find(rest, b"</rdf:Description>").unwrap_or(0)];
    let Ok(mut rest) = std::str::from_utf8(rest) else { return Vec::new() };
    let mut found = Vec::new();
    while let Some((keyword, after)) =
        rest.split_once("<langevin:").and_then(|(_, rest)| rest.split_once('>'))
    {
        let Some((value, after)) = after.split_once(&format!("</langevin:{keyword}>")) else { break };
        found.push((keyword.to_owned(), plain(value)));
        rest = after;
    }
    found
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    // The first byte is looked for alone, which is fast in large files.
    let (first, length) = (*wanted.first()?, wanted.len());
    let mut at = 0;
    while let Some(next) = bytes.get(at..)?.iter().position(|byte| *byte == first) {
        at += next;
        if bytes.get(at..at + length)? == wanted {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn escaped(text: &str) -> String {
    // What XML has no letters for is left out.
    let allowed = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let text: String = text.chars().filter(allowed).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_from_anywhere() {
        let text =
            [("parameters", "a < b & \"c\"\nSteps: 3".to_owned()), ("langevin", "{\"x\":\"ü>\"}".to_owned())];
        let mut bytes = vec![b'x'; 1000];
        bytes.extend(packet(&text).unwrap());
        bytes.extend([0xff; 1000]);
        let owned: Vec<(String, String)> =
            text.iter().map(|(keyword, value)| ((*keyword).to_owned(), value.clone())).collect();
        assert_eq!(read(&bytes), owned);
        assert_eq!((packet(&[]), read(b"nothing"), read(&bytes[..1300]).len()), (None, vec![], 0));
    }
}
