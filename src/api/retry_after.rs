//! `Retry-After`: seconds or an HTTP date, as a span from now.

use std::time::{Duration, SystemTime};

/// The span that the header asks for; a date in the past asks for none. `None` if it can't be read.
pub(crate) fn parse(header: &str, now: SystemTime) -> Option<Duration> {
    let text = header.trim();
    if let Ok(secs) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(secs).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_nonsense_is_not() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let secs = |text| parse(text, now).map(|span| span.as_secs());
        assert_eq!(secs("120"), Some(120));
        assert_eq!(secs(" 0 "), Some(0));
        assert_eq!(secs("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(secs("Sun, 06 Nov 1994 08:49:27 GMT"), Some(0));
        for nonsense in ["", "soon", "-5", "NaN", "inf", "99999999999999999999999"] {
            assert_eq!(secs(nonsense), None, "{nonsense}");
        }
    }
}
