//! The setters that the library's builders share.

/// Makes the setters of a builder, each told in its own words: `name: Type;` sets the field of
/// that name. Those of what every run can be given have no type: `cancel;` takes a token,
/// `progress;` an observer and `listener;` a listener, which the builder borrows for `'a`.
macro_rules! setters {
    () => {};
    ($(#[$doc:meta])+ cancel; $($rest:tt)*) => {
        $(#[$doc])+
        #[must_use]
        pub fn cancel(mut self, token: &$crate::cancel::CancelToken) -> Self {
            self.cancel = token.clone();
            self
        }
        setters! { $($rest)* }
    };
    ($(#[$doc:meta])+ progress; $($rest:tt)*) => {
        $(#[$doc])+
        #[must_use]
        pub fn progress(mut self, observer: &'a mut dyn $crate::progress::Observer) -> Self {
            self.observer = Some(observer);
            self
        }
        setters! { $($rest)* }
    };
    ($(#[$doc:meta])+ listener; $($rest:tt)*) => {
        $(#[$doc])+
        #[must_use]
        pub fn listener(mut self, listener: &'a dyn $crate::mirror::Listener) -> Self {
            self.listener = Some(listener);
            self
        }
        setters! { $($rest)* }
    };
    ($(#[$doc:meta])+ $name:ident: $type:ty; $($rest:tt)*) => {
        $(#[$doc])+
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        }
        setters! { $($rest)* }
    };
}

pub(crate) use setters;
