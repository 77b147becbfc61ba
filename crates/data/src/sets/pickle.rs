//! The few words of Python's pickle that CIFAR for Python is written in: dictionaries of bytes, numbers, lists and NumPy
//! arrays of bytes. No other object is made, nothing is imported, nothing runs.

use std::collections::BTreeMap;

/// A value of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    None,
    Number(i64),
    /// Bytes, and text as its bytes.
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Dict(BTreeMap<Vec<u8>, Value>),
    /// Something by its name in Python, which stays a name.
    Name(String),
    /// A NumPy array; of its type the name.
    Array {
        shape: Vec<u64>,
        bytes: Vec<u8>,
    },
    Type(String),
}

/// Deepest nesting and most values on the way.
const MOST_VALUES: usize = 1 << 20;

/// The value that `bytes` hold.
///
/// # Errors
/// Cut short, or a word that is not known here.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, String> {
    Machine { bytes, at: 0, stack: Vec::new(), marks: Vec::new(), memo: BTreeMap::new() }.run()
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    /// Small values alone are kept: nothing of CIFAR names an array twice.
    memo: BTreeMap<u32, Value>,
}

impl Machine<'_> {
    fn run(mut self) -> Result<Value, String> {
        loop {
            if self.stack.len() > MOST_VALUES {
                return Err("a pickle with too many values".into());
            }
            let word = self.take(1)?[0];
            match word {
                b'.' => return self.pop(),
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'(' => self.marks.push(self.stack.len()),
                b'}' => self.stack.push(Value::Dict(BTreeMap::new())),
                b']' | b')' => self.stack.push(Value::List(Vec::new())),
                b'N' => self.stack.push(Value::None),
                0x88 | 0x89 => self.stack.push(Value::Number(i64::from(word == 0x88))),
                b'K' => self.number(1)?,
                b'M' => self.number(2)?,
                b'J' => {
                    let bytes = self.take(4)?.try_into().map_err(|_| "cut short")?;
                    self.stack.push(Value::Number(i32::from_le_bytes(bytes).into()));
                }
                0x8a => {
                    let length = usize::from(self.take(1)?[0]);
                    if length > 7 {
                        return Err("a pickle with a number of over 7 bytes".into());
                    }
                    self.number(length)?;
                }
                b'U' | b'C' | 0x8c => self.counted(1)?,
                b'T' | b'B' | b'X' => self.counted(4)?,
                0x8e | 0x8d => self.counted(8)?,
                b'q' => self.keep_at(1)?,
                b'r' => self.keep_at(4)?,
                0x94 => self.keep(self.memo.len() as u32)?,
                b'h' => self.recall(1)?,
                b'j' => self.recall(4)?,
                b't' | b'l' => {
                    let values = self.since_mark()?;
                    self.stack.push(Value::List(values));
                }
                0x85..=0x87 => {
                    let from =
                        self.stack.len().checked_sub(usize::from(word - 0x84)).ok_or("broken pickle")?;
                    let values = self.stack.split_off(from);
                    self.stack.push(Value::List(values));
                }
                b'a' => {
                    let value = self.pop()?;
                    self.list()?.push(value);
                }
                b'e' => {
                    let values = self.since_mark()?;
                    self.list()?.extend(values);
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.set(key, value)?;
                }
                b'u' => {
                    let mut values = self.since_mark()?.into_iter();
                    while let (Some(key), Some(value)) = (values.next(), values.next()) {
                        self.set(key, value)?;
                    }
                }
                b'c' => {
                    let name = format!("{}.{}", self.line()?, self.line()?);
                    self.stack.push(Value::Name(name));
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (Value::Bytes(module), Value::Bytes(name)) = (module, name) else {
                        return Err("broken pickle".into());
                    };
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    self.stack.push(Value::Name(format!("{}.{}", text(&module), text(&name))));
                }
                b'R' => self.make()?,
                b'b' => self.fill()?,
                other => return Err(format!("a pickle with the word {other:#04x}, which is not read here")),
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or("the pickle is cut short")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn unsigned(&mut self, width: usize) -> Result<u64, String> {
        Ok(self.take(width)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn number(&mut self, width: usize) -> Result<(), String> {
        let number = self.unsigned(width)? as i64;
        self.stack.push(Value::Number(number));
        Ok(())
    }

    fn counted(&mut self, width: usize) -> Result<(), String> {
        let length = usize::try_from(self.unsigned(width)?).map_err(|_| "the pickle is cut short")?;
        let bytes = self.take(length)?.to_vec();
        self.stack.push(Value::Bytes(bytes));
        Ok(())
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or("the pickle is cut short")?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        Ok(line)
    }

    fn keep_at(&mut self, width: usize) -> Result<(), String> {
        let at = self.unsigned(width)? as u32;
        self.keep(at)
    }

    fn keep(&mut self, at: u32) -> Result<(), String> {
        let small = match self.stack.last().ok_or("broken pickle")? {
            Value::Bytes(bytes) if bytes.len() <= 256 => true,
            Value::Name(_) | Value::Type(_) | Value::Number(_) | Value::None => true,
            Value::List(values) => values.len() <= 4 && values.iter().all(|v| matches!(v, Value::Number(_))),
            _ => false,
        };
        // A place for each all the same: newer pickles count them.
        let value = if small { self.stack.last().cloned() } else { None };
        self.memo.insert(at, value.unwrap_or(Value::Dict(BTreeMap::new())));
        Ok(())
    }

    fn recall(&mut self, width: usize) -> Result<(), String> {
        let at = self.unsigned(width)? as u32;
        let value = self.memo.get(&at).cloned().ok_or("broken pickle")?;
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value, String> {
        self.stack.pop().ok_or_else(|| "broken pickle".to_owned())
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, String> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len()).ok_or("broken pickle")?;
        Ok(self.stack.split_off(mark))
    }

    fn list(&mut self) -> Result<&mut Vec<Value>, String> {
        match self.stack.last_mut() {
            Some(Value::List(values)) => Ok(values),
            _ => Err("broken pickle".into()),
        }
    }

    fn set(&mut self, key: Value, value: Value) -> Result<(), String> {
        match (self.stack.last_mut(), key) {
            (Some(Value::Dict(values)), Value::Bytes(key)) => drop(values.insert(key, value)),
            // Other keys belong to nothing that is read here.
            (Some(Value::Dict(_)), _) => {}
            _ => return Err("broken pickle".into()),
        }
        Ok(())
    }

    /// A call: an array, its type, or bytes that an old pickle wrote as text. Whatever else is called is not.
    fn make(&mut self) -> Result<(), String> {
        let (arguments, what) = (self.pop()?, self.pop()?);
        let (Value::List(arguments), Value::Name(name)) = (arguments, what) else {
            return Err("broken pickle".into());
        };
        let value = match name.as_str() {
            "numpy.core.multiarray._reconstruct" | "numpy._core.multiarray._reconstruct" => {
                Value::Array { shape: Vec::new(), bytes: Vec::new() }
            }
            "numpy.dtype" => match arguments.into_iter().next() {
                Some(Value::Bytes(kind)) => Value::Type(String::from_utf8_lossy(&kind).into_owned()),
                _ => return Err("broken pickle".into()),
            },
            "_codecs.encode" => match arguments.into_iter().next() {
                // Latin-1 letters, each a byte.
                Some(Value::Bytes(text)) => {
                    let text = String::from_utf8(text).map_err(|_| "broken pickle")?;
                    let bytes: Option<Vec<u8>> =
                        text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
                    Value::Bytes(bytes.ok_or("broken pickle")?)
                }
                _ => return Err("broken pickle".into()),
            },
            other => return Err(format!("a pickle that calls {other}, which is not done here")),
        };
        self.stack.push(value);
        Ok(())
    }

    /// The state of an array: version, shape, type, order and bytes.
    fn fill(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        match (self.stack.last_mut(), state) {
            (Some(Value::Array { shape, bytes }), Value::List(state)) => {
                let Ok([_, Value::List(sides), Value::Type(kind), _, Value::Bytes(content)]) =
                    <[Value; 5]>::try_from(state)
                else {
                    return Err("a pickle of an array of another kind".into());
                };
                if kind != "u1" {
                    return Err(format!("a pickle of an array of {kind}, not of bytes"));
                }
                let side = |side: Value| match side {
                    Value::Number(side) => u64::try_from(side).ok(),
                    _ => None,
                };
                *shape = sides.into_iter().map(side).collect::<Option<_>>().ok_or("broken pickle")?;
                *bytes = content;
            }
            (Some(Value::Type(_)), _) => {}
            _ => return Err("broken pickle".into()),
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What Python 2 wrote CIFAR as, with `count` images whose samples are `sample`.
    pub(crate) fn cifar(labels: &[u8], sample: u8) -> Vec<u8> {
        let mut bytes =
            b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05("
                .to_vec();
        labels.iter().for_each(|label| bytes.extend([b'K', *label]));
        bytes.extend(b"eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\0\x85U\x01b\x87Rq\x09(K\x01");
        bytes.extend([b'K', labels.len() as u8]);
        bytes.extend(b"M\0\x0c\x86cnumpy\ndtype\nq\x0aU\x02u1K\0K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T");
        bytes.extend((3072 * labels.len() as u32).to_le_bytes());
        bytes.extend(vec![sample; 3072 * labels.len()]);
        bytes.extend(b"tbu.");
        bytes
    }

    #[test]
    fn a_batch_of_cifar_is_read_and_every_cut_is_an_error() {
        let bytes = cifar(&[3, 9], 7);
        let Value::Dict(read) = super::read(&bytes).unwrap() else { panic!() };
        assert_eq!(read[&b"labels"[..]], Value::List(vec![Value::Number(3), Value::Number(9)]));
        let Value::Array { shape, bytes: samples } = &read[&b"data"[..]] else { panic!() };
        assert_eq!((shape.as_slice(), samples.as_slice()), (&[2, 3072][..], &[7; 6144][..]));
        for length in (0..300).chain([bytes.len() - 1]) {
            assert!(super::read(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn nothing_else_is_called() {
        let message = super::read(b"\x80\x02cos\nsystem\nU\x02ls\x85R.").unwrap_err();
        assert_eq!(message, "a pickle that calls os.system, which is not done here");
        assert!(super::read(b"\x80\x02cbuiltins\neval\n)R.").unwrap_err().contains("eval"));
        assert!(super::read(b"\x80\x02(i").unwrap_err().contains("0x69"));
    }
}
