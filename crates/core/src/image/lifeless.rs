//! Images that show nothing: what an overflow looks like once it is cut off to bytes.

use super::Image;

/// Of so many values one may lie between black and white by chance.
const FEW: usize = 100;
/// Fewer pixels than this may be alike by chance.
const FEWEST: usize = 64;

impl Image {
    /// Whether it shows nothing, and how: every pixel alike, or next to nothing but the darkest and the brightest values there are.
    /// An image of fewer than 64 pixels never does.
    ///
    /// ```
    /// use langevin_core::Image;
    ///
    /// let image = |of: fn(usize) -> u8| Image::from_u8(8, 8, 1, (0..64).map(of).collect());
    /// assert_eq!(image(|_| 7).lifeless(), Some("one flat value"));
    /// assert_eq!(image(|at| if at % 2 == 0 { 0 } else { 255 }).lifeless(), Some("black and white alone"));
    /// assert_eq!(image(|at| at as u8).lifeless(), None);
    /// ```
    pub fn lifeless(&self) -> Option<&'static str> {
        let colours = self.colours();
        let pixels = self.samples.len() / self.channels.max(1);
        if pixels < FEWEST || colours == 0 {
            return None;
        }
        let (low, high) = self.range();
        let sample = |pixel: usize, colour: usize| self.samples.at(pixel * self.channels + colour);
        let (mut flat, mut between) = (true, 0);
        for pixel in 0..pixels {
            for colour in 0..colours {
                let value = sample(pixel, colour);
                flat &= value == sample(0, colour);
                between += usize::from(value > low && value < high);
            }
            if !flat && between * FEW > pixels * colours {
                return None;
            }
        }
        Some(if flat { "one flat value" } else { "black and white alone" })
    }
}
