//! Signature Version 4, as far as this API needs it: `POST /` without a query.
//!
//! Source: "Signature Version 4 for API requests" in AWS's general reference, and
//! botocore's `auth.py`, whose requests must verify.

use super::fault::Fault;
use super::keys::{Key, Keys};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::time::Duration;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "datapipeline";
/// How far a request's date may be from ours, as on AWS.
const SKEW: Duration = Duration::from_secs(5 * 60);
/// What a signature must cover: without the target, another operation could be put in.
const MUST_SIGN: [&str; 3] = ["host", "x-amz-date", "x-amz-target"];

/// The parts of a request that a signature covers.
pub(crate) trait Headers {
    /// The values of the header `name`, which is in small letters.
    fn values<'a>(&'a self, name: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a>;
}

/// An `Authorization` header taken apart, its key known and its date right. The body is
/// not looked at yet.
pub(crate) struct Claim<'a> {
    key: &'a Key,
    date: String,
    scope: String,
    signed: Vec<String>,
    signature: Vec<u8>,
}

impl<'a> Claim<'a> {
    /// Reads what a request claims. Whatever is wrong with it is said without reading its
    /// body.
    pub(crate) fn read(
        headers: &impl Headers,
        keys: &'a Keys,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let authorization = one(headers, "authorization")?.ok_or_else(|| {
            Fault::auth("MissingAuthenticationTokenException", "the request is not signed")
        })?;
        let incomplete = |what: &str| Fault::auth("IncompleteSignatureException", what);
        let rest = authorization
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or_else(|| incomplete("Authorization is not of AWS4-HMAC-SHA256"))?;
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for part in rest.split(',') {
            match part.trim().split_once('=') {
                Some(("Credential", value)) => credential = Some(value),
                Some(("SignedHeaders", value)) => signed = Some(value),
                Some(("Signature", value)) => signature = Some(value),
                _ => return Err(incomplete("Authorization has an unknown part")),
            }
        }
        let (Some(credential), Some(signed), Some(signature)) = (credential, signed, signature)
        else {
            return Err(incomplete("Authorization lacks Credential, SignedHeaders or Signature"));
        };
        let (id, scope) =
            credential.split_once('/').ok_or_else(|| incomplete("Credential has no scope"))?;
        let [day, region, service, "aws4_request"] = scope.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(incomplete(
                "the Credential's scope is not DATE/REGION/SERVICE/aws4_request",
            ));
        };
        if service != SERVICE || region.is_empty() {
            return Err(invalid("Credential should be scoped to the service datapipeline"));
        }
        let key = keys.find(id).ok_or_else(|| {
            Fault::auth("UnrecognizedClientException", "the access key id is unknown")
        })?;
        let date =
            one(headers, "x-amz-date")?.ok_or_else(|| incomplete("X-Amz-Date is missing"))?;
        check_date(date, day, now)?;
        let signed: Vec<String> = signed.split(';').map(str::to_owned).collect();
        if let Some(missing) =
            MUST_SIGN.iter().find(|name| signed.iter().all(|given| given != *name))
        {
            return Err(invalid(&format!("the header {missing} is not signed")));
        }
        let signature = data_encoding::HEXLOWER
            .decode(signature.as_bytes())
            .map_err(|_| incomplete("Signature is not hexadecimal"))?;
        Ok(Claim { key, date: date.to_owned(), scope: scope.to_owned(), signed, signature })
    }

    /// Whether key, headers and body give the signature; compared in constant time.
    pub(crate) fn verify(&self, headers: &impl Headers, body: &[u8]) -> Result<&'a Key, Fault> {
        let canonical = canonical_request(headers, &self.signed, body)?;
        let text = string_to_sign(&self.date, &self.scope, &canonical);
        let mac = final_mac(&self.key.secret, &self.scope, &text);
        mac.verify_slice(&self.signature)
            .map_err(|_| invalid("the signature does not fit the key and the request"))?;
        Ok(self.key)
    }
}

/// The `X-Amz-Date` and `Authorization` of a request to be sent. `headers` are all that
/// are signed beside the date.
pub(crate) fn sign(
    key: &Key,
    region: &str,
    now: Timestamp,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (String, String) {
    let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
    let mut all: Vec<(&str, &str)> = headers.to_vec();
    all.push(("x-amz-date", &date));
    all.sort_unstable();
    let signed: Vec<String> = all.iter().map(|(name, _)| (*name).to_owned()).collect();
    // Our own headers are there, each once.
    let canonical = canonical_request(&Pairs(&all), &signed, body).unwrap_or_default();
    let text = string_to_sign(&date, &scope, &canonical);
    let signature = final_mac(&key.secret, &scope, &text).finalize().into_bytes();
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={}",
        key.id,
        signed.join(";"),
        data_encoding::HEXLOWER.encode(&signature)
    );
    (date, authorization)
}

struct Pairs<'a>(&'a [(&'a str, &'a str)]);

impl Headers for Pairs<'_> {
    fn values<'a>(&'a self, name: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        Box::new(self.0.iter().filter(move |(known, _)| *known == name).map(|(_, value)| *value))
    }
}

/// The header's value; one that comes twice could mean either.
fn one<'a>(headers: &'a impl Headers, name: &'a str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.values(name);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Fault::auth("IncompleteSignatureException", &format!("{name} comes twice"))),
    }
}

fn check_date(date: &str, day: &str, now: Timestamp) -> Result<(), Fault> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
        .map_err(|_| Fault::auth("IncompleteSignatureException", "X-Amz-Date is not a date"))?
        .timestamp();
    if date.get(..8) != Some(day) {
        return Err(invalid("the Credential's date is not that of X-Amz-Date"));
    }
    if time.duration_since(now).unsigned_abs() > SKEW {
        return Err(invalid(&format!(
            "Signature expired: {date} is not within 5 minutes of {now:.0}"
        )));
    }
    Ok(())
}

fn canonical_request(
    headers: &impl Headers,
    signed: &[String],
    body: &[u8],
) -> Result<String, Fault> {
    let mut text = String::from("POST\n/\n\n");
    for name in signed {
        let value = one(headers, name)?
            .ok_or_else(|| invalid(&format!("the signed header {name} is missing")))?;
        text.push_str(name);
        text.push(':');
        text.push_str(&value.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&signed.join(";"));
    text.push('\n');
    // Always the body's own hash: whatever the request says of it is not asked.
    text.push_str(&data_encoding::HEXLOWER.encode(&Sha256::digest(body)));
    Ok(text)
}

fn string_to_sign(date: &str, scope: &str, canonical: &str) -> String {
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(canonical.as_bytes()));
    format!("{ALGORITHM}\n{date}\n{scope}\n{hash}")
}

fn final_mac(secret: &str, scope: &str, text: &str) -> Hmac<Sha256> {
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/') {
        key = mac(&key, part).finalize().into_bytes().to_vec();
    }
    mac(&key, text)
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    // Hashed as RFC 2104 says where it is longer than a block, so any length is a key.
    let mut block = [0_u8; 64];
    match block.get_mut(..key.len()) {
        Some(start) => start.copy_from_slice(key),
        None => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(text.as_bytes());
    mac
}

fn invalid(message: &str) -> Fault {
    Fault::auth("InvalidSignatureException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new([Key::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()])
    }

    fn now() -> Timestamp {
        "2015-08-30T12:36:00Z".parse().unwrap()
    }

    /// As AWS publishes it with the derivation of signing keys.
    #[test]
    fn the_signing_key_is_aws_own() {
        let mut key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
        for part in ["20150830", "us-east-1", "iam", "aws4_request"] {
            key = mac(&key, part).finalize().into_bytes().to_vec();
        }
        assert_eq!(
            data_encoding::HEXLOWER.encode(&key),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    fn signed(body: &[u8]) -> Vec<(String, String)> {
        let headers = [("host", "127.0.0.1:80"), ("x-amz-target", "DataPipeline.ListPipelines")];
        let keys = keys();
        let (date, authorization) =
            sign(keys.find("AKIDEXAMPLE").unwrap(), "eu-west-1", now(), &headers, body);
        let own = [("x-amz-date".to_owned(), date), ("authorization".to_owned(), authorization)];
        let given = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        given.chain(own).collect()
    }

    fn verify(
        headers: &[(String, String)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), &'static str> {
        let pairs: Vec<(&str, &str)> =
            headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (headers, keys) = (Pairs(&pairs), keys());
        let claim = Claim::read(&headers, &keys, now).map_err(|fault| fault.code)?;
        claim.verify(&headers, body).map(drop).map_err(|fault| fault.code)
    }

    #[test]
    fn what_is_signed_verifies_and_any_change_does_not() {
        let headers = signed(b"{}");
        assert_eq!(verify(&headers, b"{}", now()), Ok(()));
        assert_eq!(verify(&headers, b"{ }", now()), Err("InvalidSignatureException"));
        for (index, (name, _)) in headers.iter().enumerate().take(2) {
            let mut changed = headers.clone();
            changed[index].1.push('x');
            assert_eq!(verify(&changed, b"{}", now()), Err("InvalidSignatureException"), "{name}");
        }
        for later in [301, -301] {
            let then = now() + jiff::SignedDuration::from_secs(later);
            assert_eq!(verify(&headers, b"{}", then), Err("InvalidSignatureException"));
        }
        for within in [299, -299] {
            assert_eq!(
                verify(&headers, b"{}", now() + jiff::SignedDuration::from_secs(within)),
                Ok(())
            );
        }
        let mut unsigned = headers.clone();
        unsigned.truncate(3);
        assert_eq!(verify(&unsigned, b"{}", now()), Err("MissingAuthenticationTokenException"));
        let mut twice = headers.clone();
        twice.push(headers[1].clone());
        assert_eq!(verify(&twice, b"{}", now()), Err("IncompleteSignatureException"));
        let mut cut = headers;
        let end = cut[3].1.len() - 2;
        cut[3].1.truncate(end);
        assert_eq!(verify(&cut, b"{}", now()), Err("InvalidSignatureException"));
    }

    #[test]
    fn the_operation_must_be_signed() {
        let keys = keys();
        let headers = [("host", "127.0.0.1:80")];
        let (date, authorization) =
            sign(keys.find("AKIDEXAMPLE").unwrap(), "eu-west-1", now(), &headers, b"");
        let all =
            [("host", "127.0.0.1:80"), ("x-amz-date", &date), ("authorization", &authorization)];
        let fault = Claim::read(&Pairs(&all), &keys, now()).err().unwrap();
        assert_eq!(fault.message, "the header x-amz-target is not signed");
    }
}
