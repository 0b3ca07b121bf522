// Files a browser window gets, as the shell would report them: counted, numbered, never by path.

import type { Drop, DropEvent, Unsubscribe } from '../backend';

/** Holds drops until they are added or dismissed. */
export class Drops {
	#held = new Map<number, { names: string[]; size: number }>();
	#next = 1;

	/** Keeps files and answers what the page may know of them. */
	hold(names: string[], size: number, folders = 0): Drop {
		const drop = this.#next++;
		this.#held.set(drop, { names, size });
		return { drop, files: names.length - folders, folders, names: names.slice(0, 5), bytes: folders > 0 ? null : size * names.length };
	}

	/** The names of a drop, which stays held. */
	names(drop: number): string[] | undefined {
		return this.#held.get(drop)?.names;
	}

	/** Hands the files of a drop out, once. */
	release(drop: number): { names: string[]; size: number } | undefined {
		const held = this.#held.get(drop);
		this.#held.delete(drop);
		return held;
	}

	/** Follows the browser's own drag and drop, which stands in for the operating system's. */
	follow(onDrop: (event: DropEvent) => void): Unsubscribe {
		let depth = 0;
		const stop = new AbortController();
		const on = (type: string, then: (event: DragEvent) => void): void =>
			addEventListener(
				type,
				(event) => {
					event.preventDefault();
					then(event as DragEvent);
				},
				{ signal: stop.signal },
			);
		on('dragover', () => undefined);
		on('dragenter', () => {
			depth += 1;
			if (depth === 1) onDrop({ kind: 'enter', drop: null });
		});
		on('dragleave', () => {
			depth -= 1;
			if (depth <= 0) onDrop({ kind: 'leave', drop: null });
		});
		on('drop', (event) => {
			depth = 0;
			const files = [...(event.dataTransfer?.files ?? [])];
			const bytes = files.reduce((sum, file) => sum + file.size, 0);
			const names = files.map((file) => file.name);
			onDrop({ kind: 'drop', drop: this.hold(names, Math.max(3_000_000, Math.round(bytes / Math.max(1, names.length)))) });
		});
		return () => stop.abort();
	}
}
