/**
 * Compression that kafkajs does not bring itself.
 *
 * @module
 */
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";

const deflate = promisify(zstdCompress);
const inflate = promisify(zstdDecompress);

/** Codes of the record format. */
export const compressionTypes = {
  none: 0,
  gzip: 1,
  snappy: 2,
  lz4: 3,
  zstd: 4,
} as const;

/** A compression by its name. */
export type Compression = keyof typeof compressionTypes;

/** What kafkajs wants of a codec. */
interface Codec {
  compress(encoder: { readonly buffer: Uint8Array }): Promise<Uint8Array>;
  decompress(buffer: Uint8Array): Promise<Uint8Array>;
}

const zstd: Codec = {
  compress: ({ buffer }) => deflate(buffer),
  decompress: (buffer) => inflate(buffer),
};

const lz4: Codec = {
  async compress({ buffer }) {
    const { default: lz4js } = await import("lz4js");
    return asBuffer(lz4js.compress(buffer));
  },
  async decompress(buffer) {
    const { default: lz4js } = await import("lz4js");
    return asBuffer(lz4js.decompress(buffer));
  },
};

const snappy: Codec = {
  async compress(encoder) {
    const { default: codec } = await import("kafkajs-snappy");
    return await codec().compress(encoder);
  },
  async decompress(buffer) {
    const { default: codec } = await import("kafkajs-snappy");
    return await codec().decompress(buffer);
  },
};

/** Tell kafkajs how to compress; its list of codecs is one for all clients. */
export function registerCodecs(codecs: Record<number, unknown>): void {
  codecs[compressionTypes.zstd] = () => zstd;
  codecs[compressionTypes.lz4] = () => lz4;
  codecs[compressionTypes.snappy] = () => snappy;
}

/** kafkajs reads numbers with the methods of a Buffer. */
function asBuffer({ buffer, byteLength, byteOffset }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
