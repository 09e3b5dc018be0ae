import type { EncodedEvent } from "../events/define-events.ts";
import type { DomainEvent, EventDetails } from "../events/event-types.ts";
import type { EventMetadata, NewEvent } from "../store/recorded-event.ts";

/** An emitted event that is not stored yet. It keeps its id over repeated saves, so that a retry is recognised. */
export class PendingEvent<Event extends DomainEvent> {
  readonly event: Event;
  readonly #encoded: EncodedEvent;
  readonly #details: EventDetails;
  #id: string | undefined;

  constructor(event: Event, encoded: EncodedEvent, details: EventDetails) {
    this.event = event;
    this.#encoded = encoded;
    this.#details = details;
    this.#id = details.id;
  }

  /** The event as the store takes it. The event's own metadata wins over that of the save; the schema version over both. */
  toNewEvent(newId: () => string, metadata: EventMetadata): NewEvent & { readonly id: string } {
    this.#id ??= newId();
    const { type, data, schemaVersion } = this.#encoded;
    // Metadata that was copied from another event must not say with which schema this one was written.
    const { schemaVersion: _foreign, ...given } = { ...metadata, ...this.#details.metadata };
    return {
      id: this.#id,
      type,
      data,
      metadata: schemaVersion === 1 ? given : { ...given, schemaVersion },
      ...(this.#details.tags === undefined ? {} : { tags: this.#details.tags }),
    };
  }
}
