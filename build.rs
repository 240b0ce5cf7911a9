//! The migrations are embedded while compiling: a new folder under `schema/` must be noticed.

fn main() {
    println!("cargo:rerun-if-changed=schema");
}
