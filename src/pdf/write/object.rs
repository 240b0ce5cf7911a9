//! Objects as they stand in a PDF.

use std::fmt::Write;

use hayro::hayro_syntax::object::{Array, Dict, MaybeRef, Object};

/// Dictionaries and lists inside each other.
const DEPTH_MAX: usize = 40;

/// The text of a value; a reference stays one.
pub(super) fn value(value: &MaybeRef<Object<'_>>, depth: usize, out: &mut Vec<u8>) {
    match value {
        MaybeRef::Ref(to) => out.extend(format!("{} {} R", to.obj_number, to.gen_number).bytes()),
        MaybeRef::NotRef(object) => direct(object, depth, out),
    }
}

fn direct(object: &Object<'_>, depth: usize, out: &mut Vec<u8>) {
    match object {
        Object::Null(_) | Object::Stream(_) => out.extend(b"null"),
        Object::Boolean(value) => out.extend(value.to_string().bytes()),
        Object::Number(value) => out.extend(exact(value.as_f64()).bytes()),
        Object::String(text) => hexadecimal(text.as_bytes(), out),
        Object::Name(named) => name(named.as_ref(), out),
        Object::Array(list) if depth < DEPTH_MAX => array(list, depth, out),
        Object::Dict(entries) if depth < DEPTH_MAX => dictionary(entries, &[], depth, out),
        Object::Array(_) | Object::Dict(_) => out.extend(b"null"),
    }
}

fn array(list: &Array<'_>, depth: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    for item in list.raw_iter() {
        value(&item, depth + 1, out);
        out.push(b' ');
    }
    out.push(b']');
}

/// A dictionary without the entries of these names.
pub(super) fn dictionary(entries: &Dict<'_>, without: &[&[u8]], depth: usize, out: &mut Vec<u8>) {
    out.extend(b"<<");
    self::entries(entries, without, depth, out);
    out.extend(b">>");
}

/// The entries of a dictionary without those of these names.
pub(super) fn entries(entries: &Dict<'_>, without: &[&[u8]], depth: usize, out: &mut Vec<u8>) {
    for (key, entry) in entries.entries() {
        if !without.contains(&key.as_ref()) {
            name(key.as_ref(), out);
            out.push(b' ');
            value(&entry, depth + 1, out);
            out.push(b'\n');
        }
    }
}

pub(super) fn name(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'/');
    for byte in bytes {
        match byte {
            b'!'..=b'~' if !b"#()<>[]{}/%".contains(byte) => out.push(*byte),
            _ => out.extend(format!("#{byte:02x}").bytes()),
        }
    }
}

fn hexadecimal(bytes: &[u8], out: &mut Vec<u8>) {
    let mut text = String::with_capacity(bytes.len() * 2 + 2);
    text.push('<');
    bytes.iter().for_each(|byte| _ = write!(text, "{byte:02x}"));
    text.push('>');
    out.extend(text.bytes());
}

/// A number as it was read, without an exponent, which PDF does not know.
fn exact(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { "0".to_owned() }
}

/// A number of a place or a size, to a hundred-thousandth.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.5}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A stream, packed where that makes it smaller.
pub(super) fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
    let packed = packed(data);
    let (filter, data) =
        if packed.len() < data.len() { ("/Filter/FlateDecode", packed.as_slice()) } else { ("", data) };
    let mut out = format!("<<{entries}{filter}/Length {}>>\nstream\n", data.len()).into_bytes();
    out.extend(data);
    out.extend(b"\nendstream");
    out
}

/// Data packed as PDF's Flate filter has it.
pub(super) fn packed(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    // writing into memory does not fail
    let _ = std::io::Write::write_all(&mut encoder, data);
    encoder.finish().unwrap_or_default()
}
