/**
 * Integer literals: plain ones and amounts.
 *
 * @module
 */
import type { ColumnType } from "../row.ts";
import type { Place } from "./field.ts";
import { shown } from "./members.ts";

const limits: Readonly<Record<string, readonly [bigint, bigint]>> = {
  uint8: [0n, 2n ** 8n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint256: [0n, 2n ** 256n - 1n],
  int256: [-(2n ** 255n), 2n ** 255n - 1n],
};

/** Decimal places of each unit of account, in wei. */
const units: Readonly<Record<string, number>> = { wei: 0, gwei: 9, ether: 18 };

/** Read an integer as the canonical value of that type. */
export function readInteger(
  value: unknown,
  type: ColumnType,
  place: Place,
): number | bigint | undefined {
  const integer = parse(value);
  if (integer === undefined) {
    return place.report(
      `Expected a whole number, found ${shown(value)}`,
      remedy(value),
    );
  }
  const [least, most] = limits[type] ?? [0n, 0n];
  if (integer < least || integer > most) {
    return place.report(
      `Expected a whole number of type ${type}, found ${integer}`,
      integer < 0n && least === 0n
        ? `${type} is never negative`
        : `${type} goes up to ${most}`,
    );
  }
  return canonical(integer, type);
}

/** Read `100 ether`, `1.5 gwei` as wei; undefined when it is no amount. */
export function parseAmount(text: string): bigint | undefined {
  const [, sign, whole, part = "", unit] =
    /^(-?)(\d+)(?:\.(\d+))?\s*(wei|gwei|ether)$/.exec(text.trim()) ?? [];
  const places = unit === undefined ? undefined : units[unit];
  if (whole === undefined || places === undefined) return undefined;
  if (part.length > places) return undefined;
  const amount = BigInt(whole + part.padEnd(places, "0"));
  return sign ? -amount : amount;
}

function parse(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  if (typeof value !== "string") return undefined;
  // Files hold integers above 2^53 as decimal strings.
  return /^-?\d+$/.test(value) ? BigInt(value) : parseAmount(value);
}

function canonical(integer: bigint, type: ColumnType): number | bigint {
  if (type === "uint256" || type === "int256") return integer;
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

function remedy(value: unknown): string | undefined {
  if (typeof value === "number" && Number.isInteger(value)) {
    // 1e18: a float that happens to be whole.
    return `write ${BigInt(value)}`;
  }
  if (typeof value !== "string") return undefined;
  if (/^0x[0-9a-fA-F]+$/.test(value)) return `write ${BigInt(value)}`;
  const plain = value.replace(/[_,]/g, "");
  if (/^-?\d+$/.test(plain)) return `write ${plain}`;
  if (/^-?[\d.]+\s*(eth|ethers)$/i.test(value)) {
    return `write ${value.replace(/\s*eth(ers)?$/i, " ether")}`;
  }
  return "write digits, or an amount like 5 gwei or 1.5 ether";
}
