//! Sums and the like over numbers.

/// The sum, with the error of each addition carried along: a million cents add up to the right amount.
pub(crate) fn sum(numbers: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for &number in numbers {
        let next = sum + number;
        lost += if sum.abs() >= number.abs() { (sum - next) + number } else { (number - next) + sum };
        sum = next;
    }
    // Beyond all numbers, what was lost is no number any more.
    if lost.is_finite() { sum + lost } else { sum }
}

/// The mean; none of no numbers.
pub(crate) fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| sum(numbers) / numbers.len() as f64)
}

/// The number in the middle, or the mean of the two there. It sorts the numbers.
pub(crate) fn median(numbers: &mut [f64]) -> Option<f64> {
    numbers.sort_unstable_by(f64::total_cmp);
    let upper = *numbers.get(numbers.len() / 2)?;
    match numbers.len().checked_rem(2) {
        Some(0) => numbers.get(numbers.len() / 2 - 1).map(|lower| lower / 2.0 + upper / 2.0),
        _ => Some(upper),
    }
}

/// The standard deviation of a sample; none of fewer than two numbers.
pub(crate) fn deviation(numbers: &[f64]) -> Option<f64> {
    let mean = mean(numbers).filter(|_| numbers.len() > 1)?;
    let squares: Vec<f64> = numbers.iter().map(|number| (number - mean) * (number - mean)).collect();
    Some((sum(&squares) / (numbers.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_without_losing() {
        assert_eq!(sum(&[]), 0.0);
        assert_eq!(sum(&[1e100, 1.0, -1e100]), 1.0);
        assert_eq!(sum(&vec![0.1; 1_000_000]), 100_000.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
    }

    #[test]
    fn knows_the_middle_and_the_spread() {
        for (numbers, median_of, deviation_of) in [
            (&mut [][..], None, None),
            (&mut [3.0], Some(3.0), None),
            (&mut [4.0, 1.0], Some(2.5), Some(4.5_f64.sqrt())),
            (&mut [9.0, 1.0, 2.0], Some(2.0), Some(19.0_f64.sqrt())),
            (&mut [1.0, 1.0, 1.0, 1.0], Some(1.0), Some(0.0)),
        ] {
            assert_eq!((median(numbers), deviation(numbers)), (median_of, deviation_of), "{numbers:?}");
        }
    }
}
