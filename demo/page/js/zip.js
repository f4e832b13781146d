// A zip archive without compression: PNG files are compressed already. Format: PKWARE's APPNOTE.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255];
  return (crc ^ 0xffffffff) >>> 0;
}

/** A record: fields of 2 or 4 bytes, little-endian, as [value, bytes]. */
function record(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

/** A Blob with `files`, each {name, bytes: Uint8Array, date: Date}; names are ASCII. */
export function zip(files) {
  const parts = [], directory = [];
  let offset = 0, directorySize = 0;
  for (const { name, bytes, date } of files) {
    const text = new TextEncoder().encode(name);
    const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
    const day = ((date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
    const common = [[20, 2], [0, 2], [0, 2], [time, 2], [day, 2], [crc32(bytes), 4],
      [bytes.length, 4], [bytes.length, 4], [text.length, 2], [0, 2]];
    const header = record([0x04034b50, 4], ...common);
    parts.push(header, text, bytes);
    const entry = record([0x02014b50, 4], [20, 2], ...common,
      [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
    directory.push(entry, text);
    offset += header.length + text.length + bytes.length;
    directorySize += entry.length + text.length;
  }
  const end = record([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2],
    [directorySize, 4], [offset, 4], [0, 2]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
