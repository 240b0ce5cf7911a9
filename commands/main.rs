//! `dc`: parses, calls one operation, prints its report.

fn main() {}
