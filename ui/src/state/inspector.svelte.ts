// The upload whose details are open. Asks the engine again while it changes, at most once a second.

import type { Backend } from '../backend/backend';
import type { Details, UploadId } from '../backend/bindings';
import { Calm } from './calm';

/** The least time between two questions, in milliseconds. */
const PAUSE = 1_000;

/** Details of one upload at a time. */
export class Inspector {
	/** The upload; `null` when the drawer is closed. */
	id: UploadId | null = $state(null);
	/** What is known; `null` until the engine answered. */
	details: Details | null = $state.raw(null);

	#calm = new Calm(PAUSE, () => {
		if (this.id !== null) void this.#load(this.id);
	});

	constructor(
		private backend: Pick<Backend, 'details'>,
		private onFault: (thrown: unknown) => void,
	) {}

	/** Opens the drawer. */
	open(id: UploadId): void {
		if (this.id !== id) this.details = null;
		this.id = id;
		void this.#load(id);
	}

	/** Closes the drawer. */
	close(): void {
		this.id = null;
		this.details = null;
	}

	/** Says that uploads are gone. */
	gone(ids: readonly UploadId[]): void {
		if (this.id !== null && ids.includes(this.id)) this.close();
	}

	/** Says that everything may have changed: asks whether the upload is still there. */
	anew(): void {
		if (this.id !== null) this.#calm.touch();
	}

	/** Says that an upload changed. */
	touch(id: UploadId): void {
		if (this.id === id) this.#calm.touch();
	}

	async #load(id: UploadId): Promise<void> {
		try {
			const details = await this.backend.details(id);
			if (this.id === id) this.details = details;
		} catch (thrown) {
			if (this.id !== id) return;
			this.close();
			this.onFault(thrown);
		}
	}
}
