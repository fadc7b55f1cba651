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

/**
 * What a frame says of itself, and its checksum: version 1, blocks of 4 MiB
 * that do not refer to each other. lz4js leaves the last part out, which
 * Kafka insists on; it is true of a frame with a single block.
 */
const lz4Descriptor = [0x60, 0x70, 0x73];

/** Where the descriptor is: behind the magic number. */
const lz4DescriptorAt = 4;

const lz4: Codec = {
  async compress({ buffer }) {
    const { default: lz4js } = await import("lz4js");
    const frame = asBuffer(lz4js.compress(buffer));
    frame.set(lz4Descriptor, lz4DescriptorAt);
    return frame;
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

/** Largest batch that can be compressed, in bytes before compression. */
export function largestBatch(compression: Compression): number {
  return compression === "lz4" ? 4 << 20 : Infinity;
}

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
