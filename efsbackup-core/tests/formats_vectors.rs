//! Golden cases of conversion: tests/vectors/formats.json.

#![cfg(all(feature = "cfn", feature = "terraform"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::formats::{self, Format, cli, fold_arguments};
use serde_json::Value;

#[test]
fn every_form_is_as_it_stands_in_the_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/formats.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut written, mut refused) = (0, 0);
    for case in vectors["cases"].as_array().unwrap() {
        let mut document = formats::read(case["definition"].to_string().as_bytes()).unwrap();
        if case["fold"] == true {
            fold_arguments(&mut document.definition).unwrap();
        }
        for format in Format::ALL {
            let place = format!("{} as {}", case["name"], format.name());
            match document.write(format) {
                Ok(text) => {
                    let lines = case["forms"][format.name()].as_array().expect(&place);
                    let lines: Vec<_> = lines.iter().map(|line| line.as_str().unwrap()).collect();
                    assert_eq!(text, lines.join("\n") + "\n", "{place}");
                    let again = formats::read(text.as_bytes()).unwrap();
                    assert_eq!(again.format, format, "{place}");
                    let [there, here] = [again.definition, document.definition.clone()];
                    assert_eq!(cli::sent(there), cli::sent(here), "{place}");
                    written += 1;
                }
                Err(error) => {
                    let why = case["refused"][format.name()].as_str().expect(&place);
                    assert!(error.to_string().contains(why), "{place}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert_eq!((written, refused), (24, 6));
}
