//! Migrations and checked statements are built in: a build cache that another clone has used must not hide that they changed.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=.sqlx");
}
