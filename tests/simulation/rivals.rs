//! What somebody else commits to a world's branch.

use crate::{script::Act, world::World};

impl World {
    /// Lets somebody else commit.
    pub fn rival(&self, number: usize) {
        let act = self.script.rivals[number].1.clone();
        self.tell(&format!("somebody else: {act:?}"));
        let now = self.time.now();
        let read =
            |path: &str| String::from_utf8(self.origin.read(path).unwrap().unwrap()).unwrap();
        let mark = format!("# robin {number}");
        let (path, text, touched) = match act {
            Act::Notes => (format!("notes-{number}.txt"), format!("{mark}\n"), None),
            Act::Line(service) => {
                let path = self.script.services[service].stable();
                let text = format!("{mark}\n{}", read(&path));
                (path, text, None)
            }
            Act::Third(service) => self.touch(service, &format!("9.{number}")),
            Act::Same(service, version) => self.touch(service, &version),
        };
        if touched.is_none() {
            self.state().marks.push((path.clone(), mark));
        }
        let id = self
            .origin
            .write(&path, text.as_bytes(), "robin: something else", now)
            .unwrap();
        if let Some(service) = touched {
            let mut state = self.state();
            state.others.insert(id);
            state.touched.insert(service, now);
        }
        self.turned();
    }

    fn touch(&self, service: usize, version: &str) -> (String, String, Option<usize>) {
        let path = self.script.services[service].stable();
        let text = String::from_utf8(self.origin.read(&path).unwrap().unwrap()).unwrap();
        let lines = text
            .split('\n')
            .map(|line| match line.split_once("image: ") {
                Some((head, value)) => {
                    let name = value.rsplit_once(':').map_or(value, |(name, _)| name);
                    format!("{head}image: {name}:{version}")
                }
                None => line.to_owned(),
            });
        let text = lines.collect::<Vec<_>>().join("\n");
        (path, text, Some(service))
    }
}
