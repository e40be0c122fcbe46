//! A definition as a picture.
