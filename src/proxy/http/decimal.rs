//! Numbers as heads and logs write them.

/// Appends a number in decimal.
pub fn put(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = number;
    for (index, place) in digits.iter_mut().enumerate().rev() {
        *place = b'0' + (left % 10) as u8;
        at = index;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers() {
        for number in [0, 9, 10, 1024, u64::MAX] {
            let mut out = b"=".to_vec();
            super::put(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), format!("={number}"));
        }
    }
}
