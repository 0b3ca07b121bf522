// Picks the engine and mounts the window.

import { mount } from 'svelte';
import App from './App.svelte';
import type { Backend } from './backend/backend';
import { tauri } from './backend/tauri';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';

async function engine(): Promise<Backend> {
	// The scripted engine is left out of the build for the desktop program.
	if (import.meta.env.MODE === 'production' || '__TAURI_INTERNALS__' in window) return tauri;
	const query = new URLSearchParams(location.search);
	const theme = query.get('theme');
	if (theme !== null) localStorage.setItem('theme', theme);
	const { fake, scriptOf } = await import('./backend/fake');
	return fake(scriptOf(query));
}

const target = document.getElementById('app');
if (target) mount(App, { target, props: { backend: await engine() } });
