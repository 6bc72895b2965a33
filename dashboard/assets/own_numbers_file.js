/* A CSV file with one number for each head or neuron. It is read in small pieces, so that the page answers meanwhile, and
   only until it is clear that it is wrong: a right file has at most one row for each head or neuron. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const MOST_BYTES = 64e6, PIECE_BYTES = 2 ** 18, MOST_CHARACTERS = 1000;  // of a file, of a piece, of a line
  const MOST_FAULTS = 100;
  const MOST_SHOWN = 40;  // characters of a cell
  const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
  const INFINITE = /^[+-]?(inf|infinity|∞)$/i;
  const FORMAT = "The first line must name the columns: block, head or neuron, and value";

  class Refused extends Error {}

  /* A cell as the messages show it: short, and without characters that would change the order of the others. */
  function quoted(cell) {
    const plain = [...cell.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "�")];
    return `‘\u2068${plain.slice(0, MOST_SHOWN).join("")}${plain.length > MOST_SHOWN ? "…" : ""}\u2069’`;
  }

  /* The cells of a line; a cell in quotes may hold the separator. */
  function cellsOf(line, separator) {
    if (!line.includes('"')) return line.split(separator).map((cell) => cell.trim());
    const cells = [""];
    let isQuoted = false;
    for (const character of line) {
      if (character === '"') isQuoted = !isQuoted;
      else if (character === separator && !isQuoted) cells.push("");
      else cells[cells.length - 1] += character;
    }
    return cells.map((cell) => cell.trim());
  }

  /* Where the columns are: {separator, count, kind, places of block, unit and value}. */
  function readHeader(line) {
    const separator = ["\t", ";"].find((one) => line.includes(one)) ?? ",";
    const names = cellsOf(line.toLowerCase(), separator);
    const kinds = ["head", "neuron"].filter((kind) => names.includes(kind));
    const wanted = ["block", kinds[0], "value"];
    if (kinds.length !== 1 || wanted.some((name) => names.filter((one) => one === name).length !== 1)) {
      throw new Refused(`${FORMAT}, one of each. It is ${quoted(line)}.`);
    }
    return { separator, count: names.length, kind: kinds[0], places: wanted.map((name) => names.indexOf(name)) };
  }

  /* The value of a cell: NaN if it is empty. */
  function readValue(cell, separator) {
    if (cell === "") return NaN;
    const text = separator === "," || cell.includes(".") ? cell : cell.replace(",", ".");
    if (INFINITE.test(text)) throw new Refused(`the value ${quoted(cell)} is infinite`);
    if (!NUMBER.test(text)) throw new Refused(`the value ${quoted(cell)} is not a number`);
    if (!Number.isFinite(Math.fround(text))) throw new Refused(`the value ${quoted(cell)} is too large`);
    return Number(text);
  }

  function readIndex(cell, name, count) {
    if (!/^\d+$/.test(cell)) throw new Refused(`the ${name} ${quoted(cell)} is not a whole number from 0 on`);
    const index = Number(cell);
    if (index >= count) {
      throw new Refused(`there is no ${name} ${quoted(cell)}: in this model, ${name}s are 0 to ${count - 1}`);
    }
    return index;
  }

  /* The numbers of a file as its lines are added. sizes: those of the model, as in the prompt's store. */
  class Table {
    constructor(sizes) { Object.assign(this, { sizes, header: null, n_given: 0, n_lines: 0, faults: [] }); }

    add(line) {
      this.n_lines += 1;
      if (!line) return;
      try {
        if (line.length > MOST_CHARACTERS) throw new Refused(`it is longer than ${MOST_CHARACTERS} characters`);
        if (!line.trim()) return;
        if (this.header) this.addRow(cellsOf(line, this.header.separator));
        else this.begin(readHeader(line));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (!this.header) throw error;
        this.faults.push(`Line ${this.n_lines.toLocaleString("en")}: ${error.message}.`);
        if (this.faults.length === MOST_FAULTS) throw new Refused("");
      }
    }

    begin(header) {
      const { n_blocks, n_heads, n_neurons } = this.sizes;
      this.header = header;
      this.n_units = header.kind === "head" ? n_heads : n_neurons;
      this.values = new Float32Array(n_blocks * this.n_units).fill(NaN);
      this.lines = new Uint32Array(n_blocks * this.n_units);  // of each number, 0 without one
    }

    addRow(cells) {
      const { separator, count, kind, places } = this.header;
      if (cells.length !== count) {
        const hint = separator === "," && cells.length > count
          ? "; numbers with a decimal comma need semicolons or tabs between the columns" : "";
        throw new Refused(`it has ${cells.length} columns, the first line has ${count}${hint}`);
      }
      const [block, unit, value] = places.map((place) => cells[place]);
      const [row, column] = [readIndex(block, "block", this.sizes.n_blocks), readIndex(unit, kind, this.n_units)];
      const place = row * this.n_units + column;
      if (this.lines[place]) {
        throw new Refused(`block ${row} ${kind} ${column} is in line ${this.lines[place].toLocaleString("en")} already`);
      }
      this.lines[place] = this.n_lines;
      this.values[place] = readValue(value, separator);
      if (!Number.isNaN(this.values[place])) this.n_given += 1;
    }

    /* What the server draws: the number of each head, or of each tile's strongest neuron and which one it is. */
    packed() {
      const { sizes: { n_blocks, tile_width }, header: { kind }, n_units, n_given, values } = this;
      const shape = { kind, n_blocks, n_units, n_given };
      if (kind === "head") return { ...shape, values: base64(values) };
      const n_tiles = Math.ceil(n_units / tile_width);
      const [strongest, neurons] = [new Float32Array(n_blocks * n_tiles).fill(NaN), new Uint16Array(n_blocks * n_tiles)];
      values.forEach((value, place) => {
        const unit = place % n_units;
        const tile = Math.floor(place / n_units) * n_tiles + Math.floor(unit / tile_width);
        if (!(Math.abs(value) <= Math.abs(strongest[tile])) && !Number.isNaN(value)) {
          [strongest[tile], neurons[tile]] = [value, unit % tile_width];
        }
      });
      return { ...shape, values: base64(strongest), neurons: base64(neurons) };
    }
  }

  function base64(array) {
    return btoa([...new Uint8Array(array.buffer)].map((byte) => String.fromCharCode(byte)).join(""));
  }

  function decoded(decoder, piece, isLast) {
    try {
      return decoder.decode(piece, { stream: !isLast });
    } catch {
      throw new Refused("The file is not text in UTF-8. Save it as CSV in UTF-8.");
    }
  }

  async function pieceOf(file, at) {
    try {
      return await file.slice(at, at + PIECE_BYTES).arrayBuffer();
    } catch {
      throw new Refused("The browser could not read the file. Choose it again.");
    }
  }

  async function readLines(file, table, onShare) {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let rest = "";
    for (let at = 0; at < file.size; at += PIECE_BYTES) {
      const isLast = at + PIECE_BYTES >= file.size;
      const text = rest + decoded(decoder, await pieceOf(file, at), isLast);
      const half = !isLast && text.endsWith("\r") ? "\r" : "";  // perhaps of a line's end
      const lines = text.slice(0, text.length - half.length).split(/\r\n|\n|\r/);
      rest = lines.pop() + half;
      lines.forEach((line) => table.add(line));
      if (rest.length > MOST_CHARACTERS) {
        throw new Refused(`Line ${(table.n_lines + 1).toLocaleString("en")} is longer than ${MOST_CHARACTERS} characters.`);
      }
      onShare((at + PIECE_BYTES) / file.size);
    }
    if (rest) table.add(rest);
  }

  /* Read a file for a model: {packed}, or {faults}, a list of messages. onShare: told how much of it is read. */
  explorer.readOwnNumbers = async function (file, sizes, onShare = () => {}) {
    if (!file.size) return { faults: ["The file is empty."] };
    if (file.size > MOST_BYTES) {
      const size = (file.size / 1e6).toLocaleString("en", { maximumFractionDigits: 0 });
      return { faults: [`The file has ${size} MB. It was not read: the limit is ${MOST_BYTES / 1e6} MB.`] };
    }
    const table = new Table(sizes);
    try {
      await readLines(file, table, onShare);
      if (!table.header) throw new Refused(`${FORMAT}. The file has only empty lines.`);
      if (!table.faults.length && !table.n_given) throw new Refused("The file has no number.");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.message) table.faults.push(error.message);
    }
    return table.faults.length
      ? { faults: table.faults, isCut: table.faults.length >= MOST_FAULTS } : { packed: table.packed() };
  };
})();
