//! A stack machine for pickles that executes nothing.

use std::collections::BTreeMap;

use langevin_core::{Error, Result};

/// The number of a value in [`Machine::values`].
pub type Id = usize;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// None, and everything that tells a tensor's weights nothing (devices, hooks).
    Nothing,
    /// True or false.
    Bool(bool),
    /// A whole number of at most 64 bits.
    Int(i64),
    /// A larger one, as its little-endian bytes.
    Long(Vec<u8>),
    /// A float.
    Float(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A list or a set.
    List(Vec<Id>),
    /// A dictionary, in the order it was filled.
    Dict(Vec<(Id, Id)>),
    /// One of the names that may be asked for.
    Name(Name),
    /// What a persistent id stands for: a tuple whose first entry is "storage".
    Persistent(Id),
    /// A tensor: persistent storage, offset, shape, strides.
    Tensor(Id, Id, Id, Id),
}

/// The names a pickle may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`.
    RebuildParameter,
    /// `torch.Size`.
    Size,
    /// `torch.device`.
    Device,
    /// `torch.FloatStorage` and its kin.
    Storage(Number),
}

/// How the numbers of a storage are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// 16-bit float with 8 bits of exponent.
    BF16,
    /// 64-bit integer.
    I64,
    /// 32-bit integer.
    I32,
    /// 16-bit integer.
    I16,
    /// 8-bit integer.
    I8,
    /// Byte.
    U8,
    /// Boolean, one byte.
    Bool,
}

impl Number {
    /// Bytes of one number.
    pub fn width(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

fn name(module: &str, name: &str) -> Result<Name> {
    Ok(match (module, name) {
        ("collections", "OrderedDict") => Name::OrderedDict,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Name::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Name::RebuildParameter,
        ("torch", "Size") => Name::Size,
        ("torch", "device") => Name::Device,
        ("torch", "DoubleStorage") => Name::Storage(Number::F64),
        ("torch", "FloatStorage") => Name::Storage(Number::F32),
        ("torch", "HalfStorage") => Name::Storage(Number::F16),
        ("torch", "BFloat16Storage") => Name::Storage(Number::BF16),
        ("torch", "LongStorage") => Name::Storage(Number::I64),
        ("torch", "IntStorage") => Name::Storage(Number::I32),
        ("torch", "ShortStorage") => Name::Storage(Number::I16),
        ("torch", "CharStorage") => Name::Storage(Number::I8),
        ("torch", "ByteStorage") => Name::Storage(Number::U8),
        ("torch", "BoolStorage") => Name::Storage(Number::Bool),
        _ => {
            let asked: String = format!("{module}.{name}").chars().take(100).collect();
            return Err(Error::bad_input(format!(
                "the pickle asks for {asked}, which is no part of a tensor; nothing of it was run"
            ))
            .hint("save the state_dict alone in Python, best as safetensors"));
        }
    })
}

/// The machine: its bytes, and what it has made so far.
#[derive(Debug)]
pub struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Every value made; nothing is ever taken out.
    pub values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: BTreeMap<u64, Id>,
    /// Entries copied from one value into another.
    copied: usize,
}

/// Values a pickle may make altogether.
const MOST_VALUES: usize = 1 << 24;

impl<'a> Machine<'a> {
    /// A machine about to read `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
            copied: 0,
        }
    }

    /// What follows the pickles read so far.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Reads one pickle and gives its value.
    ///
    /// # Errors
    /// Bad input: cut short, an instruction that is not one, or a name that may not be asked for.
    pub fn load(&mut self) -> Result<Id> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        loop {
            let op = self.byte()?;
            if op == b'.' {
                return self.pop();
            }
            self.step(op)?;
            if self.values.len() + self.copied > MOST_VALUES {
                return Err(Error::bad_input("the pickle holds more values than any checkpoint has"));
            }
        }
    }

    fn step(&mut self, op: u8) -> Result<()> {
        match op {
            0x80 => self.skip(1), // PROTO
            0x95 => self.skip(8), // FRAME
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'N' => self.push(Value::Nothing),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(value)))
            }
            b'K' => {
                let value = self.byte()?;
                self.push(Value::Int(i64::from(value)))
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(value)))
            }
            0x8a => {
                let length = usize::from(self.byte()?);
                let bytes = self.take(length)?;
                self.push(long(bytes))
            }
            b'G' => {
                let value = f64::from_be_bytes(self.array()?);
                self.push(Value::Float(value))
            }
            b'X' | b'T' => self.text_of(4), // BINUNICODE, BINSTRING
            0x8c | b'U' => self.text_of(1), // SHORT_BINUNICODE, SHORT_BINSTRING
            0x8d => self.text_of(8),        // BINUNICODE8
            b'C' => self.bytes_of(1),
            b'B' => self.bytes_of(4),
            0x8e => self.bytes_of(8),
            b')' => self.push(Value::Tuple(Vec::new())),
            b']' | 0x8f => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items))
            }
            b'l' => {
                let items = self.since_mark()?;
                self.push(Value::List(items))
            }
            b'd' => {
                let items = self.since_mark()?;
                let pairs = pairs(&items)?;
                self.push(Value::Dict(pairs))
            }
            0x85..=0x87 => {
                let count = usize::from(op - 0x84);
                let from = self.stack.len().checked_sub(count).ok_or_else(underflow)?;
                let items = self.stack.split_off(from);
                self.push(Value::Tuple(items))
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])
            }
            b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.extend(items)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.fill(vec![(key, value)])
            }
            b'u' => {
                let items = self.since_mark()?;
                let pairs = pairs(&items)?;
                self.fill(pairs)
            }
            b'q' => {
                let key = u64::from(self.byte()?);
                self.remember(key)
            }
            b'r' => {
                let key = u64::from(u32::from_le_bytes(self.array()?));
                self.remember(key)
            }
            0x94 => self.remember(self.memo.len() as u64),
            b'h' => {
                let key = u64::from(self.byte()?);
                self.recall(key)
            }
            b'j' => {
                let key = u64::from(u32::from_le_bytes(self.array()?));
                self.recall(key)
            }
            b'0' => self.pop().map(drop),
            b'1' => self.since_mark().map(drop),
            b'2' => {
                let top = *self.stack.last().ok_or_else(underflow)?;
                self.stack.push(top);
                Ok(())
            }
            b'c' => {
                let (module, asked) = (self.line()?, self.line()?);
                self.push(Value::Name(name(&module, &asked)?))
            }
            0x93 => {
                let (asked, module) = (self.pop()?, self.pop()?);
                let text = |id: Id| match &self.values[id] {
                    Value::Text(text) => Ok(text.clone()),
                    _ => Err(Error::bad_input("the pickle asks for a name that is no text")),
                };
                let name = name(&text(module)?, &text(asked)?)?;
                self.push(Value::Name(name))
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Value::Persistent(id))
            }
            b'R' => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let made = self.call(function, arguments)?;
                self.stack.push(made);
                Ok(())
            }
            b'b' => {
                self.pop()?;
                match self.stack.last().map(|top| &self.values[*top]) {
                    // The version notes of a state dict, the attributes of a parameter.
                    Some(Value::Dict(_) | Value::Tensor(..)) => Ok(()),
                    _ => {
                        Err(Error::bad_input("the pickle sets the state of an object that is no dictionary"))
                    }
                }
            }
            _ => Err(Error::bad_input(format!(
                "the pickle has the instruction 0x{op:02x}, which no state dict needs"
            ))
            .hint("save the state_dict alone in Python, best as safetensors")),
        }
    }

    /// What calling one of the known names makes; nothing is called. What is made of one value is that value itself, so
    /// that calling again and again cannot multiply it.
    fn call(&mut self, function: Id, arguments: Id) -> Result<Id> {
        let Value::Name(name) = self.values[function] else {
            return Err(Error::bad_input("the pickle calls what is no function"));
        };
        let Value::Tuple(arguments) = &self.values[arguments] else {
            return Err(Error::bad_input("the pickle calls a function without a tuple of arguments"));
        };
        let made = match (name, arguments.as_slice()) {
            (Name::OrderedDict, []) => Value::Dict(Vec::new()),
            (Name::OrderedDict, [list]) if matches!(self.values[*list], Value::List(_)) => {
                let pairs = self.pairs_in(*list)?;
                self.copied += pairs.len();
                Value::Dict(pairs)
            }
            (Name::OrderedDict | Name::RebuildParameter | Name::Size, [same, ..]) => return Ok(*same),
            (Name::RebuildTensor, [storage, offset, shape, strides, ..]) => {
                Value::Tensor(*storage, *offset, *shape, *strides)
            }
            (Name::Device, _) => Value::Nothing,
            _ => {
                let count = arguments.len();
                return Err(Error::bad_input(format!("the pickle calls {name:?} with {count} arguments")));
            }
        };
        self.values.push(made);
        Ok(self.values.len() - 1)
    }

    /// The pairs of a list of pairs.
    fn pairs_in(&self, list: Id) -> Result<Vec<(Id, Id)>> {
        let Value::List(items) = &self.values[list] else { return Ok(Vec::new()) };
        let pair = |item: &Id| match &self.values[*item] {
            Value::Tuple(pair) | Value::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => Err(Error::bad_input("the pickle has a dictionary of what are no pairs")),
        };
        items.iter().map(pair).collect()
    }

    fn push(&mut self, value: Value) -> Result<()> {
        self.stack.push(self.values.len());
        self.values.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(underflow());
        }
        self.stack.pop().ok_or_else(underflow)
    }

    fn since_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(underflow)?;
        if mark > self.stack.len() {
            return Err(underflow());
        }
        Ok(self.stack.split_off(mark))
    }

    fn extend(&mut self, items: Vec<Id>) -> Result<()> {
        let top = *self.stack.last().ok_or_else(underflow)?;
        match &mut self.values[top] {
            Value::List(list) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(Error::bad_input("the pickle appends to what is no list")),
        }
    }

    fn fill(&mut self, pairs: Vec<(Id, Id)>) -> Result<()> {
        let top = *self.stack.last().ok_or_else(underflow)?;
        match &mut self.values[top] {
            Value::Dict(dict) => {
                dict.extend(pairs);
                Ok(())
            }
            _ => Err(Error::bad_input("the pickle fills what is no dictionary")),
        }
    }

    fn remember(&mut self, key: u64) -> Result<()> {
        let top = *self.stack.last().ok_or_else(underflow)?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u64) -> Result<()> {
        let id = *self
            .memo
            .get(&key)
            .ok_or_else(|| Error::bad_input("the pickle recalls what it never stored"))?;
        self.stack.push(id);
        Ok(())
    }

    fn text_of(&mut self, width: usize) -> Result<()> {
        let bytes = self.counted(width)?;
        let text = String::from_utf8(bytes.to_vec())
            .map_err(|_| Error::bad_input("the pickle holds a text that is not UTF-8"))?;
        self.push(Value::Text(text))
    }

    fn bytes_of(&mut self, width: usize) -> Result<()> {
        let bytes = self.counted(width)?.to_vec();
        self.push(Value::Bytes(bytes))
    }

    /// As many bytes as a little-endian number of `width` bytes says.
    fn counted(&mut self, width: usize) -> Result<&'a [u8]> {
        let count = self.take(width)?.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        self.take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn line(&mut self) -> Result<String> {
        let length = self.rest().iter().position(|byte| *byte == b'\n').ok_or_else(cut_short)?;
        let line = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.skip(1)?;
        Ok(line)
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(drop)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(*self.take(N)?.first_chunk().expect("as many bytes as were taken"))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let taken = self.rest().get(..count).ok_or_else(cut_short)?;
        self.at += count;
        Ok(taken)
    }
}

fn long(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Long(bytes.to_vec());
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::bad_input("the pickle has a key without a value"));
    }
    Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
}

fn underflow() -> Error {
    Error::bad_input("the pickle takes more from its stack than it put there")
}

fn cut_short() -> Error {
    Error::bad_input("the pickle is cut short").hint("copy the file again")
}

#[cfg(test)]
mod tests {
    use super::*;

    // A step reads at least one byte and makes at most one value, so what a pickle costs is bounded by its length and by
    // the copies, which are counted.
    #[test]
    fn copies_of_copies_end_at_the_most_values() {
        const ITEMS: usize = 50_000;
        let pickle: Vec<u8> = b"ccollections\nOrderedDict\nq\x00]q\x01("
            .iter()
            .copied()
            .chain((0..ITEMS).flat_map(|_| *b"NN\x86"))
            .chain(*b"e0")
            .chain((0..100_000).flat_map(|_| *b"h\x00h\x01\x85R0"))
            .chain(*b"N.")
            .collect();
        let mut machine = Machine::new(&pickle);
        assert!(machine.load().is_err());
        let made = machine.values.len() + machine.copied;
        assert!((MOST_VALUES + 1..=MOST_VALUES + ITEMS + 1).contains(&made), "{made}");
        assert!(machine.at < pickle.len() && machine.values.len() < machine.at);
    }
}
