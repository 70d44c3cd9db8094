//! Numbers with a fraction in JSON.

use super::{
    number::{write_fraction, write_number},
    pen::Pen,
};

/// Below it a number of thousandths is exact.
const MAX_PLAIN: f64 = 1e12;

/// Writes the shortest number that reads back as the same; JSON has no word for what is not finite.
pub(super) fn write_float(pen: &mut Pen<'_>, number: f64) {
    if let Some(thousandths) = thousandths_of(number) {
        write_thousandths(pen, thousandths);
    } else if number.is_finite() {
        pen.extend(number.to_string().as_bytes());
    } else {
        pen.word("null");
    }
}

/// Returns a number as thousandths, if three decimals are enough for it, as they are for nearly all that the
/// server prints. With at most 15 digits no other number of so few digits reads back as the same.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is checked to be in range"
)]
fn thousandths_of(number: f64) -> Option<u64> {
    if !(number.is_sign_positive() && number < MAX_PLAIN) {
        return None;
    }
    let thousandths = (number * 1000.0).round();
    (thousandths / 1000.0 == number).then_some(thousandths as u64)
}

fn write_thousandths(pen: &mut Pen<'_>, thousandths: u64) {
    write_number(pen, thousandths / 1000);
    let Some(fraction) = u32::try_from(thousandths % 1000).ok().filter(|fraction| *fraction > 0)
    else {
        return;
    };
    write_fraction(pen, fraction);
    let zeros = usize::from(fraction % 10 == 0) + usize::from(fraction % 100 == 0);
    pen.take_back(zeros);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(number: f64) -> String {
        let mut out = Vec::new();
        let mut pen = Pen::new(&mut out);
        write_float(&mut pen, number);
        pen.finish();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_have_no_more_digits_than_they_need() {
        for text in
            ["0", "-0", "0.001", "0.1", "0.25", "1", "10", "1000", "12345.67", "-1.5", "0.0001"]
        {
            assert_eq!(written(text.parse().unwrap()), text);
        }
        assert_eq!(written(f64::NAN), "null");
        assert_eq!(written(f64::INFINITY), "null");
    }

    proptest! {
        #[test]
        fn every_number_is_the_shortest_that_reads_back(
            any in any::<f64>(), thousandths in 0_u64..2_000_000_000_000_000, small in 0.0..1e13,
        ) {
            #[expect(clippy::cast_precision_loss, reason = "any number will do")]
            let plain = thousandths as f64 / 1000.0;
            for number in [any, plain, small, -plain, plain + 1e-4] {
                if number.is_finite() {
                    prop_assert_eq!(written(number), number.to_string());
                }
            }
        }
    }
}
