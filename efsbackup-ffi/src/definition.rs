//! `efsb_definition`: definitions of pipelines, read, checked, compared, converted and drawn.

use crate::definition_options::{efsb_draw_options, efsb_read_options};
use crate::error::Failure;
use crate::finding::efsb_finding_list;
use crate::guard::{guard, guard_or};
use crate::handle::Handle;
use crate::option_struct::OptionStruct;
use crate::status::efsb_status;
use crate::text::{c_string, give_json, give_string, needed, null_argument, path, set};
use efsbackup_core::draw::Picture;
use efsbackup_core::formats::{Document, Format, fold_arguments};
use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};

/// A definition of AWS Data Pipeline in one of its forms, with the rest of its file. Never
/// changes; may be used from any thread. Freed with efsb_definition_free().
///
/// The forms are "cli", "api", "cfn-yaml", "cfn-json", "terraform" and "terraform-json".
pub struct efsb_definition {
    _private: [u8; 0],
}

impl Handle for efsb_definition {
    type Value = DefinitionForC;
}

/// A definition with its form's name in the form that C reads.
pub struct DefinitionForC {
    pub(crate) document: Document,
    form: CString,
    pipeline: Option<CString>,
}

impl From<Document> for DefinitionForC {
    fn from(document: Document) -> Self {
        let form = c_string(document.format.name());
        let pipeline = document.pipeline().map(c_string);
        DefinitionForC { document, form, pipeline }
    }
}

/// # Safety
/// `definition` is NULL or alive for `'a`.
pub(crate) unsafe fn borrow<'a>(
    definition: *const efsb_definition,
    argument: &str,
) -> Result<&'a Document, Failure> {
    // SAFETY: by this function's contract.
    let definition = unsafe { Handle::borrow(definition) };
    definition.map(|value| &value.document).ok_or_else(|| null_argument(argument))
}

/// Gives the caller a new definition, where it may be written.
///
/// # Safety
/// `out` is NULL or may be written.
pub(crate) unsafe fn give(out: *mut *mut efsb_definition, document: Document) {
    if !out.is_null() {
        // SAFETY: by this function's contract.
        unsafe { set(out, efsb_definition::give(document.into())) };
    }
}

/// Reads the definition in the file at `path`, in whatever form it is. `options` may be NULL.
/// `*definition`, freed with efsb_definition_free(), receives it.
///
/// # Safety
/// `path` is NULL or NUL-terminated; `options` is NULL or as its comments say; `definition` is
/// NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_load(
    path: *const c_char,
    options: *const efsb_read_options,
    definition: *mut *mut efsb_definition,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(definition, null_mut()) };
        // SAFETY: by this function's contract.
        let path = unsafe { self::path(path, "path") }?;
        // SAFETY: by this function's contract.
        let reader = unsafe { efsb_read_options::read(options)?.reader() }?;
        let document = reader.read_path(path)?;
        // SAFETY: by this function's contract.
        unsafe { give(definition, document) };
        Ok(())
    }
}

/// As efsb_definition_load(), from the `length` bytes at `text`, which need no NUL.
///
/// # Safety
/// `text` is NULL or has `length` bytes; the rest is as in efsb_definition_load().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_parse(
    text: *const c_char,
    length: usize,
    options: *const efsb_read_options,
    definition: *mut *mut efsb_definition,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(definition, null_mut()) };
        if text.is_null() {
            return Err(null_argument("text"));
        }
        // SAFETY: by this function's contract.
        let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
        // SAFETY: by this function's contract.
        let reader = unsafe { efsb_read_options::read(options)?.reader() }?;
        let document = reader.read(bytes)?;
        // SAFETY: by this function's contract.
        unsafe { give(definition, document) };
        Ok(())
    }
}

/// Frees a definition. NULL is fine.
///
/// # Safety
/// `definition` is NULL, or came from this library and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_free(definition: *mut efsb_definition) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(definition) })
}

/// The form it was read from, such as "cfn-yaml"; NULL for NULL. Lent as long as the
/// definition.
///
/// # Safety
/// `definition` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_form(definition: *const efsb_definition) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(definition) }
        .map_or(null(), |definition| definition.form.as_ptr()))
}

/// The pipeline's name in its file: a template's logical id, a resource's name; NULL where the
/// form has none, and for NULL. Lent as long as the definition.
///
/// # Safety
/// `definition` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_pipeline(
    definition: *const efsb_definition,
) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(definition) }
        .and_then(|definition| definition.pipeline.as_ref())
        .map_or(null(), |pipeline| pipeline.as_ptr()))
}

/// Finds everything that is wrong with the definition; no account is asked. `*findings`, freed
/// with efsb_finding_list_free(), receives it, also with #EFSB_INVALID_DEFINITION; it may be
/// NULL.
///
/// Returns #EFSB_OK where there are no errors, though maybe warnings, and
/// #EFSB_INVALID_DEFINITION where there are.
///
/// # Safety
/// `definition` is NULL or alive; `findings` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_validate(
    definition: *const efsb_definition,
    findings: *mut *mut efsb_finding_list,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(findings, null_mut()) };
        // SAFETY: by this function's contract.
        let validation = unsafe { borrow(definition, "definition") }?.definition.validate();
        if !findings.is_null() {
            let list = validation.findings.iter().cloned().map(Into::into).collect();
            // SAFETY: by this function's contract.
            unsafe { set(findings, efsb_finding_list::give(list)) };
        }
        Ok(validation.into_result()?)
    }
}

/// Writes the definition in `form`, or in its own as it was. `*text`, freed with
/// efsb_string_free(), receives it.
///
/// Returns #EFSB_CANNOT_REPRESENT where the form cannot carry what the definition says.
///
/// # Safety
/// `definition` is NULL or alive; `form` is NULL or NUL-terminated; `text` is NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_convert(
    definition: *const efsb_definition,
    form: *const c_char,
    text: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(text, null_mut()) };
        // SAFETY: by this function's contract.
        let (document, form) = unsafe { (borrow(definition, "definition")?, needed(form, "form")?) };
        let form: Format = form.parse()?;
        let written = document.write(form)?;
        if !text.is_null() {
            // SAFETY: by this function's contract.
            unsafe { set(text, give_string(written)) };
        }
        Ok(())
    }
}

/// Puts the arguments of every command that has several into the command itself, for Terraform,
/// which keeps no order. `*folded`, freed with efsb_definition_free(), receives the definition
/// with them.
///
/// Returns #EFSB_CANNOT_REPRESENT where an argument has no command to go into.
///
/// # Safety
/// `definition` is NULL or alive; `folded` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_fold_arguments(
    definition: *const efsb_definition,
    folded: *mut *mut efsb_definition,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(folded, null_mut()) };
        // SAFETY: by this function's contract.
        let mut document = unsafe { borrow(definition, "definition") }?.clone();
        fold_arguments(&mut document.definition)?;
        // SAFETY: by this function's contract.
        unsafe { give(folded, document) };
        Ok(())
    }
}

/// Tells what else the definition's file holds that `form` does not carry. `*json`, freed with
/// efsb_string_free(), receives an array of texts.
///
/// # Safety
/// `definition` is NULL or alive; `form` is NULL or NUL-terminated; `json` is NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_left_behind(
    definition: *const efsb_definition,
    form: *const c_char,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let (document, form) = unsafe { (borrow(definition, "definition")?, needed(form, "form")?) };
        let form: Format = form.parse()?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &document.left_behind(form)) }
    }
}

/// Tells what is different in `new_definition`; order counts where it means something.
/// `*json`, freed with efsb_string_free(), receives an array, empty where both mean the same,
/// of objects with `change` ("added", "removed", "changed"), `part` ("object", "parameter",
/// "value"), `id`, `key`, `old` and `new`. Secrets are covered.
///
/// # Safety
/// The definitions are NULL or alive; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_diff(
    old_definition: *const efsb_definition,
    new_definition: *const efsb_definition,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let old = unsafe { borrow(old_definition, "old_definition") }?;
        // SAFETY: by this function's contract.
        let new = unsafe { borrow(new_definition, "new_definition") }?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &old.definition.diff(&new.definition)) }
    }
}

/// Draws the definition as `kind`: "svg", "dot", "mermaid" or "text". `options` may be NULL.
/// `*picture`, freed with efsb_string_free(), receives it.
///
/// # Safety
/// `definition` is NULL or alive; `kind` is NULL or NUL-terminated; `options` is NULL or as its
/// comments say; `picture` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_draw(
    definition: *const efsb_definition,
    kind: *const c_char,
    options: *const efsb_draw_options,
    picture: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(picture, null_mut()) };
        // SAFETY: by this function's contract.
        let (document, kind) = unsafe { (borrow(definition, "definition")?, needed(kind, "kind")?) };
        let kind: Picture = kind.parse()?;
        // SAFETY: by this function's contract.
        let options = unsafe { efsb_draw_options::read(options)?.options() }?;
        let drawn = kind.draw(&document.definition, &options);
        if !picture.is_null() {
            // SAFETY: by this function's contract.
            unsafe { set(picture, give_string(drawn)) };
        }
        Ok(())
    }
}
