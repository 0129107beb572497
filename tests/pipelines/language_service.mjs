// Says what GitHub's own language service finds wrong in workflows and action files:
// `github-language-service ROOT FILE...`, local actions (`uses: ./x`) being read from ROOT.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { validate } from "@actions/languageservice/validate";
import { TextDocument } from "vscode-languageserver-textdocument";
import YAML from "yaml";

const [root, ...files] = process.argv.slice(2);
const local = (path) => {
  const file = join(root, path, "action.yml");
  return existsSync(file) ? YAML.parse(readFileSync(file, "utf8")) : undefined;
};
const config = {
  actionsMetadataProvider: {
    fetchActionMetadata: async ({ owner, path }) =>
      owner && owner !== "." ? undefined : local(path ?? "."),
  },
};
// Nothing is asked of GitHub: what others publish is not known here.
const elsewhere = /^Unable to resolve action .* repository or version not found$/;
const words = ["", "error", "warning", "info", "hint"];

const main = async () => {
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    const document = TextDocument.create(`file://${resolve(file)}`, "yaml", 1, text);
    for (const found of await validate(document, config)) {
      if (elsewhere.test(found.message)) {
        continue;
      }
      const { line, character } = found.range.start;
      const word = words[found.severity ?? 1];
      console.log(`${file}:${line + 1}:${character + 1}: ${word}: ${found.message}`);
      process.exitCode = 1;
    }
  }
};
main();
