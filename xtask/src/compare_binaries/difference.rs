//! How two files, or two answers, differ, when times, speeds and dates do not count.

use std::io::Cursor;

use serde_json::Value;

/// Keys of JSON whose numbers a clock, or the machine, makes.
const BY_THE_CLOCK: &[&str] =
    &["time", "ms", "seconds", "images_left", "seconds_left", "seconds_per_step", "peak_bytes"];

/// How `new` differs from `old`, the contents of files called `path`; nothing when they are equal.
pub fn of_files(path: &str, old: &[u8], new: &[u8]) -> Option<String> {
    if old == new {
        return None;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let end = name.rsplit('.').next().unwrap_or(name);
    match end {
        _ if name.contains("tfevents") => of_texts(&events(old)?, &events(new)?),
        "png" => Some(of_images(old, new).unwrap_or_else(|| "differs, and cannot be decoded".to_owned())),
        "safetensors" => of_tensors(old, new),
        "npy" => of_numbers(old, new),
        "json" | "jsonl" | "md" | "toml" | "svg" | "txt" => {
            let text = |bytes: &[u8]| masked(&String::from_utf8_lossy(bytes));
            of_texts(&text(old), &text(new))
        }
        _ => Some(format!("{} and {} bytes differ", old.len(), new.len())),
    }
}

/// How two texts differ: the first line that does.
pub fn of_texts(old: &str, new: &str) -> Option<String> {
    if old == new {
        return None;
    }
    let (mut before, mut after) = (old.lines(), new.lines());
    for line in 1.. {
        match (before.next(), after.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let (a, b) = (a.unwrap_or("(nothing)"), b.unwrap_or("(nothing)"));
                return Some(format!("line {line}: {} | {}", around(a, b), around(b, a)));
            }
        }
    }
    Some("differs in its line ends".to_owned())
}

/// The part of `line` where it begins to differ from `other`.
fn around(line: &str, other: &str) -> String {
    const BEFORE: usize = 30;
    const SHOWN: usize = 90;
    let same = line.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let shown: String = line.chars().skip(same.saturating_sub(BEFORE)).take(SHOWN).collect();
    if same > BEFORE { format!("...{shown}") } else { shown }
}

/// A text without what a clock says: values of JSON and columns of tables by their names, `0.0 s`, `952 img/s`.
pub fn masked(text: &str) -> String {
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        mask(&mut value);
        return format!("{value:#}");
    }
    let mut hidden: Vec<usize> = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with('{')
            && let Ok(mut value) = serde_json::from_str::<Value>(line)
        {
            mask(&mut value);
            lines.push(value.to_string());
        } else if line.starts_with('|') {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let by_the_clock = |cell: &str| {
                cell.split([' ', ',', '/'])
                    .any(|word| matches!(word, "ms" | "s" | "seconds" | "img" | "time"))
            };
            let head: Vec<usize> = (0..cells.len()).filter(|at| by_the_clock(cells[*at])).collect();
            if !head.is_empty() {
                hidden = head;
            }
            let shown =
                cells.iter().enumerate().map(|(at, cell)| if hidden.contains(&at) { "*" } else { cell });
            lines.push(shown.collect::<Vec<_>>().join(" | "));
        } else {
            hidden.clear();
            let named = line.split_once(' ').filter(|(key, _)| BY_THE_CLOCK.contains(key));
            lines.push(match named {
                Some((key, _)) => format!("{key} *"),
                None => line.split(' ').fold(String::new(), without_times),
            });
        }
    }
    lines.join("\n")
}

fn without_times(mut so_far: String, word: &str) -> String {
    let unit = ["s", "ms", "img/s", "min", "MiB"].contains(&word.trim_end_matches([',', ';', '.', ')']));
    if unit
        && let Some((before, number)) = so_far.rsplit_once(' ').or(Some(("", so_far.as_str())))
        && number.trim_start_matches('(').parse::<f64>().is_ok()
    {
        so_far = format!("{before} *");
    }
    if !so_far.is_empty() {
        so_far.push(' ');
    }
    so_far + word
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                let ends = ["_ms", "_bytes", "_per_second"].iter().any(|end| key.ends_with(end));
                if ends || BY_THE_CLOCK.contains(&key.as_str()) {
                    *value = Value::from("*");
                } else if key == "state.json" || key == "files" {
                    // The manifest of a checkpoint has the sum of a file that holds a time.
                    mask_state(value);
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        _ => {}
    }
}

fn mask_state(value: &mut Value) {
    if let Value::Object(files) = value {
        for (name, file) in files.iter_mut() {
            if name == "state.json" {
                *file = Value::from("*");
            }
        }
    }
    if let Value::Array(files) = value {
        files.retain(|file| file.get("name").and_then(Value::as_str) != Some("state.json"));
    }
    mask(value);
}

/// The largest difference of pixels; or that only what is written beside them differs.
fn of_images(old: &[u8], new: &[u8]) -> Option<String> {
    let (before, after) = (decode(old)?, decode(new)?);
    if before.0 != after.0 {
        return Some(format!("{} and {}", before.0, after.0));
    }
    let largest = before.1.iter().zip(&after.1).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    let count = before.1.iter().zip(&after.1).filter(|(a, b)| a != b).count();
    let text = of_texts(&before.2, &after.2).map(|what| format!("text, {what}"));
    if largest == 0 {
        return Some(format!("same pixels; {}", text.unwrap_or_else(|| "other bytes".to_owned())));
    }
    let text = text.map_or(String::new(), |what| format!("; {what}"));
    Some(format!("pixels differ by up to {largest} ({count} of {} samples){text}", before.1.len()))
}

/// (size and kind, samples, texts)
fn decode(bytes: &[u8]) -> Option<(String, Vec<u16>, String)> {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().ok()?;
    let mut samples = vec![0; reader.output_buffer_size()?];
    let frame = reader.next_frame(&mut samples).ok()?;
    samples.truncate(frame.buffer_size());
    let kind = format!("{}x{} {:?} {:?}", frame.width, frame.height, frame.color_type, frame.bit_depth);
    let wide = frame.bit_depth == png::BitDepth::Sixteen;
    let samples = if wide {
        samples.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    } else {
        samples.iter().map(|sample| u16::from(*sample)).collect()
    };
    reader.finish().ok()?;
    let text = &reader.info().utf8_text;
    let lines =
        text.iter().map(|chunk| format!("{}: {}", chunk.keyword, chunk.get_text().unwrap_or_default()));
    Some((kind, samples, lines.collect::<Vec<_>>().join("\n")))
}

fn of_tensors(old: &[u8], new: &[u8]) -> Option<String> {
    let parts = |bytes: &[u8]| -> Option<(String, Vec<u8>)> {
        let size = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?) as usize;
        let header: Value = serde_json::from_slice(bytes.get(8..8 + size)?).ok()?;
        Some((format!("{header:#}"), bytes[8 + size..].to_vec()))
    };
    let (Some(before), Some(after)) = (parts(old), parts(new)) else {
        return Some("differs, and cannot be read".to_owned());
    };
    let header = of_texts(&before.0, &after.0).map(|what| format!("header: {what}"));
    let largest = largest(&before.1, &after.1);
    let numbers = (before.1 != after.1).then(|| format!("numbers (as f32) differ by up to {largest:e}"));
    let found: Vec<String> = [header, numbers].into_iter().flatten().collect();
    Some(if found.is_empty() { "other order of its header".to_owned() } else { found.join("; ") })
}

fn of_numbers(old: &[u8], new: &[u8]) -> Option<String> {
    const HEADER: usize = 128;
    if old.len() != new.len() || old.len() < HEADER {
        return Some(format!("{} and {} bytes differ", old.len(), new.len()));
    }
    Some(format!("numbers differ by up to {:e}", largest(&old[HEADER..], &new[HEADER..])))
}

fn largest(old: &[u8], new: &[u8]) -> f32 {
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
    };
    numbers(old).iter().zip(&numbers(new)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The records of a file of TensorBoard events as hexadecimal lines, without the time that each begins with, and without the
/// speeds.
fn events(bytes: &[u8]) -> Option<String> {
    const TIME: usize = 9;
    let (mut rest, mut lines) = (bytes, Vec::new());
    while rest.len() >= 16 {
        let size = u64::from_le_bytes(rest[..8].try_into().ok()?) as usize;
        let record = rest.get(12 + TIME..12 + size)?;
        let speed = String::from_utf8_lossy(record).contains("per_second");
        lines.push(if speed { "speed".to_owned() } else { hexadecimal(record) });
        rest = &rest[12 + size + 4..];
    }
    Some(lines.join("\n"))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_clock_says_does_not_count() {
        let json = |seconds: f64, loss: f64| {
            format!(r#"{{"rows":[{{"seconds":{seconds},"loss":{loss}}}],"x_ms":{seconds}}}"#)
        };
        assert_eq!(of_files("a.json", json(1.0, 2.0).as_bytes(), json(3.0, 2.0).as_bytes()), None);
        assert!(
            of_files("a.json", json(1.0, 2.0).as_bytes(), json(1.0, 3.0).as_bytes())
                .unwrap()
                .contains("loss")
        );
        assert_eq!(masked("2 images in 0.1 s, 24.7 img/s"), masked("2 images in 0.3 s, 9.1 img/s"));
        assert_ne!(masked("2 images in 0.1 s"), masked("3 images in 0.1 s"));
        let table = |ms: &str, rms: &str| format!("| rms | ms |\n|---|---|\n| {rms} | {ms} |\n");
        assert_eq!(masked(&table("1", "2")), masked(&table("3", "2")));
        assert_ne!(masked(&table("1", "2")), masked(&table("1", "3")));
        let manifest =
            |sum: &str| format!(r#"{{"files":{{"state.json":{{"blake3":"{sum}"}},"a":{{"blake3":"x"}}}}}}"#);
        assert_eq!(masked(&manifest("1")), masked(&manifest("2")));
        assert_ne!(masked(&manifest("1")), masked(&manifest("1").replace("\"x\"", "\"y\"")));
    }

    #[test]
    fn the_place_of_a_difference_is_shown() {
        let old = format!("same\n{}1 and on", "x".repeat(200));
        let shown = of_texts(&old, &old.replace('1', "2")).unwrap();
        assert!(shown.starts_with("line 2: ...x") && shown.contains("x1 and on | ..."), "{shown}");
    }
}
