import { postFormForEvents } from '../api/client.js';
import { curlFormCommand } from '../api/curl.js';
import { Recorder } from '../audio/recorder.js';
import { clock, SegmentList } from '../audio/segments.js';
import { curlButton } from '../controls/curl-button.js';
import { ModelPicker } from '../controls/model-picker.js';
import { showError } from '../controls/notice.js';
import { Task } from '../controls/task.js';
import { create, find } from '../dom.js';
import { Announcer } from '../text/announcer.js';

const LANGUAGES = new Intl.DisplayNames(['en'], { type: 'language' });

/**
 * Writes down what is said in a file, or into the microphone.
 *
 * @param {HTMLElement} view
 */
export function transcriptionView(view) {
  const form = find(view, 'form', HTMLFormElement);
  const input = find(form, '[name=file]', HTMLInputElement);
  const task = find(form, '[name=task]', HTMLSelectElement);
  const language = find(form, '[name=language]', HTMLSelectElement);
  const prompt = find(form, '[name=prompt]', HTMLTextAreaElement);
  const model = find(form, '[name=model]', HTMLSelectElement);
  const player = find(view, '[data-player]', HTMLAudioElement);
  const paper = find(view, '.paper', HTMLElement);
  const stats = find(view, '[data-stats]', HTMLElement);
  const notice = find(view, '[data-notice]', HTMLElement);
  const record = find(view, '[data-record]', HTMLButtonElement);
  const announcer = new Announcer(find(view, '[data-announcer]', HTMLElement));
  const segments = new SegmentList(find(view, '[data-segments]', HTMLElement), player);
  const picker = new ModelPicker(view, 'audio/transcriptions');
  /** @type {File | undefined} */
  let recording;

  const path = () => `v1/audio/${task.value}`;
  const tellsTimes = () => picker.chosen?.transcript_formats?.includes('verbose_json') ?? true;
  const fields = () => ({
    file: recording?.name ?? 'recording.wav',
    model: picker.model,
    response_format: tellsTimes() ? 'verbose_json' : 'json',
    stream: 'true',
    ...(language.value !== '' && { language: language.value }),
    ...(prompt.value.trim() !== '' && { prompt: prompt.value.trim() }),
  });

  /** @param {File} file */
  function take(file) {
    recording = file;
    URL.revokeObjectURL(player.src);
    player.src = URL.createObjectURL(file);
    player.hidden = false;
    segments.clear();
    stats.textContent = '';
    paper.classList.remove('written');
  }

  new Task(form, async signal => {
    if (recording === undefined) return;
    const body = new FormData();
    for (const [name, value] of Object.entries(fields())) body.set(name, name === 'file' ? recording : value);
    segments.clear();
    announcer.clear();
    announcer.say('Transcribing.');
    stats.textContent = '';
    paper.classList.add('written', 'busy');
    const started = performance.now();
    try {
      for await (const event of postFormForEvents(path(), body, signal)) {
        if (event.type === 'transcript.text.delta') {
          announcer.add(event.delta);
          if (!tellsTimes()) segments.write(event.delta);
        }
        if (event.type === 'transcript.text.segment') {
          segments.add(event);
          stats.textContent = `up to ${clock(event.end)}`;
        }
        if (event.type === 'transcript.text.done') stats.textContent = summary(event, started);
      }
    } finally {
      paper.classList.remove('busy');
      announcer.end(stats.textContent ?? '');
    }
  });
  curlButton(form, path, fields, curlFormCommand);

  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file !== undefined) take(file);
  });
  record.hidden = !Recorder.isPossible;
  find(view, '[data-record-note]', HTMLElement).hidden = Recorder.isPossible;
  new Recorder(
    record,
    blob => {
      input.value = '';
      input.required = false;
      take(new File([blob], 'recording.webm', { type: blob.type }));
      form.requestSubmit();
    },
    error => showError(notice, error),
  );
  model.addEventListener('change', showAbilities);

  /** What the chosen model can be asked for. */
  function showAbilities() {
    const spoken = picker.chosen?.spoken_languages;
    const known = spoken ?? [];
    const wanted = language.value;
    const options = known
      .map(code => ({ code, name: LANGUAGES.of(code) ?? code }))
      .sort((a, b) => a.name.localeCompare(b.name));
    language.replaceChildren(
      create('option', { value: '' }, spoken?.length === 0 ? 'its own' : 'found out'),
      ...options.map(({ code, name }) => create('option', { value: code, selected: code === wanted }, name)),
    );
    const translates = picker.chosen?.capabilities?.includes('audio/translations') ?? true;
    for (const option of task.options) option.disabled = option.value === 'translations' && !translates;
    if (!translates) task.value = 'transcriptions';
  }

  return {
    /** @param {readonly import('../api/models.js').Model[]} models */
    fill(models) {
      picker.fill(models);
      showAbilities();
    },
  };
}

/**
 * @param {{ text: string, duration?: number, language?: string, usage: { seconds: number } }} done
 * @param {number} started
 */
function summary({ text, usage, duration = usage.seconds, language = '' }, started) {
  const seconds = (performance.now() - started) / 1000;
  const speed = duration > 0 ? `, ${(duration / seconds).toFixed(1)} times as fast as it is spoken` : '';
  const name = language === '' ? 'Written' : `In ${language.charAt(0).toUpperCase()}${language.slice(1)}`;
  const what = text === '' ? 'Nothing is said' : name;
  return `${what}. ${duration.toFixed(1)} s of sound in ${seconds.toFixed(1)} s${speed}.`;
}
