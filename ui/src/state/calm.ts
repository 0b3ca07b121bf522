// Keeps a question from being asked too often. Owns the pause between two; refuses to know what is asked.

/** Asks at once, and at most once in each pause; what came up in a pause is asked at its end. */
export class Calm {
	#resting = false;
	#again = false;

	constructor(
		/** The least time between two questions, in milliseconds. */
		private pause: number,
		private ask: () => void,
	) {}

	/** Says that there is something to ask. */
	touch(): void {
		if (this.#resting) {
			this.#again = true;
			return;
		}
		this.#resting = true;
		this.#again = false;
		setTimeout(() => {
			this.#resting = false;
			if (this.#again) this.touch();
		}, this.pause);
		this.ask();
	}
}
