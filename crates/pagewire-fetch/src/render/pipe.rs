//! The frames of the browser's pipe: JSON texts, each ended by a zero byte.

/// Bytes of one message. Pictures of whole pages are the largest.
pub(super) const MESSAGE_BYTES_MAX: usize = 96 << 20;
/// A buffer that grew for a large message is given back when it is done.
const BUFFER_KEPT_BYTES: usize = 1 << 20;

/// A message is over its cap, which nobody who drives a browser of ours can cause but the browser.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MessageTooLarge;

/// Takes bytes as they come and gives whole messages.
#[derive(Debug, Default)]
pub(super) struct Frames {
    held: Vec<u8>,
}

impl Frames {
    /// Gives each message that is whole with these bytes.
    pub(super) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), MessageTooLarge> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            let (message, after) = rest.split_at(end);
            if self.held.is_empty() {
                each(message);
            } else {
                self.hold(message)?;
                each(&self.held);
                self.held.clear();
                self.held.shrink_to(BUFFER_KEPT_BYTES);
            }
            rest = &after[1..];
        }
        self.hold(rest)
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), MessageTooLarge> {
        if self.held.len() + bytes.len() > MESSAGE_BYTES_MAX {
            return Err(MessageTooLarge);
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_however_they_are_cut() {
        let text = b"{\"id\":1}\0{\"id\":22}\0{}\0";
        for size in 1..text.len() {
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            for piece in text.chunks(size) {
                frames.push(piece, |message| seen.push(message.to_vec())).expect("small messages");
            }
            assert_eq!(seen, [b"{\"id\":1}".to_vec(), b"{\"id\":22}".to_vec(), b"{}".to_vec()], "{size}");
        }
    }

    #[test]
    fn a_message_without_an_end_is_not_held_for_ever() {
        let (mut frames, chunk) = (Frames::default(), vec![b'a'; 1 << 20]);
        let ended = (0..=MESSAGE_BYTES_MAX >> 20).find_map(|_| frames.push(&chunk, |_| {}).err());
        assert_eq!(ended, Some(MessageTooLarge));
    }
}
