/**
 * What must not be shown, and how it is left out.
 *
 * @module
 */

/** What stands in place of a secret. */
export const redacted = "***";

/** Names of fields and variables that hold secrets more often than not. */
export const sensitiveKey =
  /passw(or)?d|passphrase|secret|token$|api_?keys?$|^keys$|private_?key|credential/i;

const secretVariable =
  /(^|_)(TOKENS?|SECRETS?|PASS(WORD|WD|PHRASE)?|CREDENTIALS?)(_|$)/i;

const keyVariable = /(^|_)KEYS?(_|$)/i;

/** A key has letters and digits; the name of a key column has not. */
const keyLike = /^(?=.*\d)(?=.*[A-Za-z])\S{8,}$/;

/** Whether an environment variable holds a secret, by its name and value. */
export function isSecretVariable(name: string, value: string): boolean {
  return secretVariable.test(name) ||
    (keyVariable.test(name) && keyLike.test(value));
}

/** Shorter secrets would blank out ordinary words of a text. */
const leastRedacted = 4;

/** Providers put keys into paths: 20 and more letters and digits. */
const pathKey = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_-]{20,}$/;

/** Query parameters that hold keys. */
const queryKey = /^(api_?key|key|access_?token|token|secret|auth)$/i;

const url = /[a-z][a-z0-9+.-]*:\/\/[^\s"']+/gi;

/** Parts of a text that are secret by their form: in URLs. */
export function sensitiveParts(
  text: string,
): { start: number; end: number; value: string }[] {
  const parts: { start: number; end: number; value: string }[] = [];
  for (const { 0: found, index } of text.matchAll(url)) {
    const add = (value: string | undefined, from: number) => {
      if (!value || value.includes("${") || /^\{\w+\}$/.test(value)) return;
      const start = index + from;
      parts.push({ start, end: start + value.length, value });
    };
    const [, head = "", user, password] =
      /^([^/]*\/\/)([^/?#@:]*):?([^/?#@]*)@/.exec(found) ?? [];
    // A user name alone is a token; beside a password it may be shown.
    if (password) add(password, head.length + (user?.length ?? 0) + 1);
    else add(user, head.length);

    const { path = "", at } = pathOf(found);
    let offset = at;
    for (const segment of path.split("/")) {
      if (pathKey.test(segment)) add(segment, offset);
      offset += segment.length + 1;
    }
    for (const match of found.matchAll(/[?&]([^=&#]+)=([^&#]*)/g)) {
      const [whole, name = "", value = ""] = match;
      if (!queryKey.test(name)) continue;
      add(value, match.index + whole.length - value.length);
    }
  }
  return parts;
}

function pathOf(text: string): { path: string | undefined; at: number } {
  const found = /^[^/]*\/\/[^/?#]*\/([^?#]*)/.exec(text);
  const path = found?.[1];
  return { path, at: (found?.[0].length ?? 0) - (path?.length ?? 0) };
}

/** Make a function that takes these secrets, and key-like parts, out. */
export function redactor(
  secrets: Iterable<string>,
): (text: string) => string {
  const known = [...new Set(secrets)]
    .filter(({ length }) => length >= leastRedacted)
    .sort((a, b) => b.length - a.length);
  return (text) => {
    const parts = sensitiveParts(text).map(({ value }) => value);
    return [...known, ...parts].reduce(
      (left, secret) => left.replaceAll(secret, redacted),
      text,
    );
  };
}
