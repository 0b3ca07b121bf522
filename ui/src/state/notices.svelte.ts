// What a person should read now, and the one text that screen readers hear. Bad news stays until it is dismissed.

import { asFault } from '../backend/backend';
import { sentence } from '../format';

/** One thing to read. */
export interface Note {
	/** Tells it from the others. */
	id: number;
	/** Whether something went wrong. */
	bad: boolean;
	/** What happened. */
	text: string;
	/** What to do next; may be empty. */
	hint: string;
}

/** How long good news stays, in milliseconds. */
const STAY = 5_000;

/** Older notes make room. */
const MOST = 4;

/** The least time between two texts for screen readers, in milliseconds. */
const BREATH = 1_500;

/** Notes on the screen and their voice. */
export class Notices {
	/** What is on the screen. */
	notes: readonly Note[] = $state.raw([]);
	/** What the live region holds. */
	spoken = $state('');

	#next = 1;
	#waiting: string[] = [];
	#quiet = true;

	/** Shows and says something. */
	tell(text: string, bad = false, hint = ''): void {
		const note = { id: this.#next++, bad, text, hint };
		this.notes = [...this.notes.filter((old) => old.text !== text), note].slice(-MOST);
		if (!bad) setTimeout(() => this.dismiss(note.id), STAY);
		this.say(hint === '' ? text : `${text} ${hint}`);
	}

	/** Shows and says what was thrown. */
	fail(thrown: unknown): void {
		const fault = asFault(thrown);
		this.tell(sentence(fault.message), true, fault.hint);
	}

	/** Takes a note off the screen. */
	dismiss(id: number): void {
		this.notes = this.notes.filter((note) => note.id !== id);
	}

	/** Says something without showing it; what comes too fast is said together. */
	say(text: string): void {
		this.#waiting.push(text);
		if (this.#quiet) this.#speak();
	}

	#speak(): void {
		this.#quiet = this.#waiting.length === 0;
		if (this.#quiet) return;
		this.spoken = this.#waiting.splice(0).slice(-3).join(' · ');
		setTimeout(() => this.#speak(), BREATH);
	}
}
