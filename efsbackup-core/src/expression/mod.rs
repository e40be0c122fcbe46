//! The `#{…}` language of Data Pipeline.
