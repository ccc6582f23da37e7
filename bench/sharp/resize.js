// Resizes as the photo workflow before this one did: a tile and a scaled photo, each from the original bytes.
// Reads a command a line, and answers each with a line of JSON:
//   load FILE        what the next commands work on
//   run              both renditions, once; answers with `ms`
//   save TILE SCALED both renditions as files
'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const sharp = require('sharp');

sharp.concurrency(1);
sharp.cache(false);

async function resize(photo) {
  const tile = await sharp(photo).resize(400, 400).jpeg().toBuffer();
  const scaled = await sharp(photo).resize(600).jpeg().toBuffer();
  return [tile, scaled];
}

async function main() {
  let photo = null;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, ...files] = line.split('\t');
    const answer = {};
    if (command === 'load') {
      photo = fs.readFileSync(files[0]);
    } else if (command === 'run') {
      const started = process.hrtime.bigint();
      await resize(photo);
      answer.ms = Number(process.hrtime.bigint() - started) / 1e6;
    } else if (command === 'save') {
      const renditions = await resize(photo);
      files.forEach((file, index) => fs.writeFileSync(file, renditions[index]));
    } else if (command === 'version') {
      answer.version = sharp.versions.sharp;
    } else {
      throw new Error(`no such command: ${command}`);
    }
    console.log(JSON.stringify(answer));
  }
}

main();
