/**
 * A schema registry that speaks Confluent's API.
 *
 * @module
 */
import { RetryableError, UserError } from "../../runtime/component.ts";

/** Longest wait for an answer, in milliseconds. */
const timeout = 10_000;

/** Where a registry is. */
export interface RegistryOptions {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** A schema with its id, as the registry has it. */
export interface Registered {
  readonly id: number;
  /** The Avro schema as JSON text. */
  readonly schema: string;
}

/** What the registry answers when it refuses. */
interface Refusal {
  readonly error_code?: number;
  readonly message?: string;
}

/** A schema registry: plain requests, because there are only five of them. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #connection: string;

  constructor(options: RegistryOptions, connection: string) {
    this.#options = options;
    this.#connection = connection;
  }

  /** Ask for the registry's configuration, which is small and always there. */
  async health(): Promise<void> {
    const action = "reach the registry";
    const { value } = await this.#ask<{ compatibilityLevel: string }>(
      action,
      "config",
    );
    if (value?.compatibilityLevel === undefined) throw this.#stranger(action);
  }

  /** The newest schema of a subject; undefined when it has none. */
  async latest(subject: string): Promise<Registered | undefined> {
    const found = await this.#ask<Registered>(
      `read subject "${subject}"`,
      `subjects/${encodeURIComponent(subject)}/versions/latest`,
    );
    return found.value;
  }

  /** The schema of an id, as messages carry it; undefined when unknown. */
  async byId(id: number): Promise<string | undefined> {
    const found = await this.#ask<{ schema: string }>(
      `read schema ${id}`,
      `schemas/ids/${id}`,
    );
    return found.value?.schema;
  }

  /**
   * Why a schema does not fit the newest one of a subject by the rule that
   * the subject has; undefined when it does.
   */
  async incompatible(
    subject: string,
    schema: string,
  ): Promise<string | undefined> {
    const { refusal, value } = await this.#ask<
      { is_compatible: boolean; messages?: readonly string[] }
    >(
      `check subject "${subject}"`,
      `compatibility/subjects/${
        encodeURIComponent(subject)
      }/versions/latest?verbose=true`,
      { schema },
    );
    if (refusal?.error_code === 409) return refusal.message ?? "incompatible";
    if (value === undefined || value.is_compatible) return undefined;
    return value.messages?.join("; ") || "the registry does not say why";
  }

  /**
   * Register a schema; the same schema keeps its id.
   *
   * @throws {UserError} when the registry refuses it.
   */
  async register(subject: string, schema: string): Promise<number> {
    const action = `register the schema of subject "${subject}"`;
    const { refusal, value } = await this.#ask<{ id: number }>(
      action,
      `subjects/${encodeURIComponent(subject)}/versions`,
      { schema },
    );
    if (value) return value.id;
    throw new UserError(`${this.#cannot(action)}: ${refusal?.message}`);
  }

  /** One request; `refusal` when there is no such thing or it conflicts. */
  async #ask<T>(
    action: string,
    path: string,
    body?: object,
  ): Promise<{ readonly value?: T; readonly refusal?: Refusal }> {
    const { password = "", url, username } = this.#options;
    const what = this.#cannot(action);
    const type = "application/vnd.schemaregistry.v1+json";
    const response = await fetch(`${url.replace(/\/+$/, "")}/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        accept: `${type}, application/json`,
        ...(body === undefined ? {} : { "content-type": type }),
        ...(username === undefined
          ? {}
          : { authorization: `Basic ${btoa(`${username}:${password}`)}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeout),
    }).catch((error) => {
      throw new RetryableError(`${what}: ${error.message}`, { cause: error });
    });
    const text = await response.text();
    const { status } = response;
    if (status === 401 || status === 403) {
      throw new UserError(
        `${what}: HTTP ${status}; check username and password under ` +
          '"registry" of the connection',
      );
    }
    if (status >= 500 || status === 429 || status === 408) {
      throw new RetryableError(`${what}: HTTP ${status} ${text.slice(0, 200)}`);
    }
    const answer = parsed(text);
    if (answer === undefined) throw this.#stranger(action);
    if (response.ok) return { value: answer as T };
    const refusal: Refusal = answer;
    if (status === 404 || status === 409 || status === 422) {
      return { refusal: { error_code: status, ...refusal } };
    }
    throw new UserError(`${what}: HTTP ${status} ${refusal.message ?? text}`);
  }

  #stranger(action: string): UserError {
    return new UserError(
      `${this.#cannot(action)}: that is no registry; check the url under ` +
        '"registry" of the connection: Apicurio\'s ends in /apis/ccompat/v7',
    );
  }

  #cannot(action: string): string {
    return `Kafka "${this.#connection}" cannot ${action} at ${
      URL.parse(this.#options.url)?.host ?? this.#options.url
    }`;
  }
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
