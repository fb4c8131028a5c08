//! Writes the sample letters into a folder: `cargo run -p healthbridge-letter --example letters -- FOLDER`.

use std::{env, fs, path::PathBuf, time::Instant};

use healthbridge_letter::{Fonts, render};

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("which folder?")?);
    let begun = Instant::now();
    let fonts = Fonts::of_the_system();
    println!("fonts in {:?}; missing: {:?}", begun.elapsed(), fonts.missing());
    let (text, mut long) = ("There is a nodule of 14 mm in the right upper lobe. ", sample::letter());
    long.sections = vec![sample::section("Findings", &text.repeat(65_536 / text.len()))];
    let addendum = sample::letter().addenda;
    let mut added = sample::letter();
    added.notice = Some("Entered in error: this report must be disregarded.".to_owned());
    added.addenda = addendum.iter().cycle().take(9).cloned().collect();
    let letters = [("latin", sample::letter()), ("scripts", sample::scripts()), ("added", added), ("long", long)];
    for (name, letter) in letters {
        let begun = Instant::now();
        let rendered = render(&letter, &sample::letterhead(), &fonts)?;
        let (took, bytes) = (begun.elapsed(), rendered.pdf.len());
        println!("{name}: {took:?}, {bytes} bytes, {} pages, {:?}", rendered.pages, rendered.unprintable);
        fs::write(folder.join(format!("{name}.pdf")), rendered.pdf)?;
    }
    Ok(())
}
