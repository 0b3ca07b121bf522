// Theme and size of the page, kept between runs. Refuses everything that is not about looks.

/** What a person chose; `system` follows the operating system. */
export type Theme = 'system' | 'light' | 'dark';

/** Every choice. */
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

const SIZES = [80, 90, 100, 110, 125, 150, 175, 200] as const;
const USUAL = 100;

/** How the page looks. */
export class Look {
	/** The chosen theme. */
	theme: Theme = $state('system');

	#size = USUAL;
	#root: HTMLElement;
	#memory: Storage;

	constructor(root: HTMLElement = document.documentElement, memory: Storage = localStorage) {
		this.#root = root;
		this.#memory = memory;
		this.choose(THEMES.find((theme) => theme === memory.getItem('theme')) ?? 'system');
		this.#resize(Number(memory.getItem('size') ?? USUAL));
	}

	/** Changes the theme. */
	choose(theme: Theme): void {
		this.theme = theme;
		this.#memory.setItem('theme', theme);
		if (theme === 'system') delete this.#root.dataset.theme;
		else this.#root.dataset.theme = theme;
	}

	/** Makes everything larger (1), smaller (-1) or usual (0). */
	zoom(step: -1 | 0 | 1): void {
		const place = SIZES.findIndex((size) => size >= this.#size);
		this.#resize(step === 0 ? USUAL : (SIZES[place + step] ?? this.#size));
	}

	#resize(size: number): void {
		this.#size = SIZES.find((known) => known === size) ?? USUAL;
		this.#memory.setItem('size', String(this.#size));
		this.#root.style.fontSize = this.#size === USUAL ? '' : `${this.#size}%`;
	}
}
