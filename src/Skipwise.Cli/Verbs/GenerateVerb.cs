using System.CommandLine;
using System.Text;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Documents;
using Skipwise.Inference;
using Skipwise.Recipes;
using Skipwise.Runtime;
using Skipwise.Serving;
using Skipwise.Storage;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise generate</c></summary>
internal static class GenerateVerb
{
    private const int LongestPrompt = 1 << 26;

    public static Verb Create(Screen screen, TextReader input)
    {
        var verb = new Verb("generate",
            "Generate text that continues a prompt, or answer it; each piece is printed as soon as it is generated.",
            """
            skipwise generate --model llama-2-7b-16k --prompt "Once upon a time"
            skipwise generate --model llama-2-7b-16k --prompt "Once upon a time" --temperature 0.8 --top-p 0.95 --seed 7
            skipwise generate --model llama-2-7b --adapter lora-16k --max-new-tokens 200 < chapter.txt
            skipwise generate --model qwen-2.5-7b-128k --chat --prompt-file report-and-question.txt
            skipwise generate --model qwen-2.5-7b-128k --chat --system "Answer in one sentence."
            """);
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(GenerateTextOptions.Model)).Sets(nameof(TextModelOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        Flag<string?> prompt = verb.Text("--prompt", "text", "the text to continue [default: the standard input]")
            .Sets(nameof(GenerateTextOptions.Prompt));
        Flag<string?> promptFile = verb.Text("--prompt-file", "file", "file with the text to continue");
        Flag<bool> chat = verb.Switch("--chat",
            "the prompt is a user's message that the model answers, by its chat template; without a prompt, at a terminal: a " +
            "conversation until Ctrl+D").Sets(nameof(GenerateTextOptions.Chat));
        Flag<string?> system = verb.Text("--system", "text", "system message of a conversation [default: none]")
            .Sets(nameof(GenerateTextOptions.System));
        Flag<string[]> stops = verb.Texts("--stop", "text", @"texts that end the generation and are not part of it; \n is a line end")
            .Sets(nameof(GenerateTextOptions.StopTexts)).Sets(nameof(TextRequest.StopTexts));
        var generation = new GenerationFlags(verb);
        Flag<int?> quantize = verb.Quantize();
        Flag<KvCacheType> cacheType = verb.CacheType();
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        var json = new JsonFlag<GeneratedText>(verb, holdsUserText: true);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new GenerateTextOptions
            {
                Model = model.ValueOf(parse),
                Prompt = prompt.ValueOf(parse) ?? "",
                Chat = chat.ValueOf(parse),
                System = system.ValueOf(parse),
                StopTexts = [.. stops.ValueOf(parse).Select(text => text.Replace("\\n", "\n", StringComparison.Ordinal))],
                Rope = rope.Of(parse),
                Compute = compute.Of(parse),
                Adapter = adapter.ValueOf(parse),
                QuantizationBits = quantize.ValueOf(parse),
                CacheType = cacheType.ValueOf(parse),
                Generation = generation.Of(parse),
            };
            TextSession.Require(options); // before a text is waited for
            bool isGiven = prompt.IsSpecified(parse);
            if (promptFile.ValueOf(parse) is { } file)
            {
                options = isGiven ? throw new SkipwiseException($"{prompt.Name} and {promptFile.Name}: give one of them.")
                    : options with { Prompt = TextFile.Read(file) };
            }
            else if (!isGiven && options.Chat && screen is { Interactive: true, HasKeyboard: true } && json.File(parse) is null)
            {
                using var conversation = TextSession.Load(options, screen.Notes);
                Converse(conversation, screen, input, stop);
                return ExitCode.Success;
            }
            else if (!isGiven)
            {
                options = options with { Prompt = ReadAll(input) };
            }
            using var session = TextSession.Load(options, screen.Notes);
            (string text, GeneratedTextMeasures measures) = Show(session, options.Prompt, screen, stop);
            long peak = ProcessMemory.Peak();
            json.Show(parse, screen, new GeneratedText(options.Model, options.Prompt, text, measures.PromptTokens, measures.NewTokens,
                measures.Finish, measures.SecondsToFirstToken, measures.PromptTokensPerSecond, measures.TokensPerSecond, peak),
                () => screen.Line());
            screen.Note(StatusText.Of(measures, peak));
            return ExitCode.Success;
        });
        return verb;
    }

    /// <summary>Every line is a message, until the input ends.</summary>
    internal static void Converse(TextSession session, Screen screen, TextReader input, CancellationToken stop)
    {
        for (; ; )
        {
            screen.Piece("> ");
            if (input.ReadLine() is not { } message)
            {
                screen.Line();
                return;
            }
            if (!string.IsNullOrWhiteSpace(message))
            {
                (_, GeneratedTextMeasures measures) = Show(session, message, screen, stop);
                screen.Line();
                screen.Note(StatusText.Of(measures, ProcessMemory.Peak()));
            }
        }
    }

    /// <summary>Shows the text while it is generated, and how far a long prompt is read.</summary>
    private static (string Text, GeneratedTextMeasures Measures) Show(
        TextSession session, string prompt, Screen screen, CancellationToken stop)
    {
        IProgress<int>? shown = null;
        MeasuredText generated = session.Begin(prompt, new SynchronousProgress<int>(tokens => shown?.Report(tokens)), stop);
        var text = new StringBuilder();
        using IEnumerator<string> pieces = generated.Pieces().GetEnumerator();
        bool isMore = screen is { Interactive: true, IsQuiet: false } && generated.PromptTokens >= StatusText.LongPrompt
            ? ProgressDisplay.Run(screen, display =>
            {
                shown = display.Reading(generated.PromptTokens);
                return pieces.MoveNext();
            })
            : pieces.MoveNext();
        for (; isMore; isMore = pieces.MoveNext())
        {
            text.Append(pieces.Current);
            if (!screen.IsForPrograms)
            {
                screen.Piece(pieces.Current);
            }
        }
        return (text.ToString(), generated.Measures!);
    }

    /// <exception cref="SkipwiseException">more than any window holds: a program that never stops writing</exception>
    private static string ReadAll(TextReader input)
    {
        var text = new StringBuilder();
        char[] block = new char[1 << 16];
        for (int read; (read = input.Read(block)) > 0;)
        {
            text.Append(block, 0, read);
            if (text.Length > LongestPrompt)
            {
                throw new SkipwiseException(
                    $"the standard input: more than {LongestPrompt} characters, and no end; a prompt has to fit the model's window.");
            }
        }
        return text.ToString();
    }
}
