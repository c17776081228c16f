using System.Text;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Inference;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise generate</c></summary>
internal static class GenerateVerb
{
    private const int LongestPrompt = 1 << 26;
    private static readonly GenerationOptions s_default = new();

    public static Verb Create(Screen screen, TextReader input)
    {
        var verb = new Verb("generate", "Generate text that continues a prompt; each piece is printed as soon as it is generated.",
            """
            skipwise generate --model llama-2-7b-16k --prompt "Once upon a time"
            skipwise generate --model llama-2-7b-16k --prompt "Once upon a time" --temperature 0.8 --top-p 0.95 --seed 7
            skipwise generate --model llama-2-7b --adapter lora-16k --max-new-tokens 200 < chapter.txt
            """);
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(GenerateTextOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        Flag<string?> prompt = verb.Text("--prompt", "text", "the text to continue [default: the standard input]")
            .Sets(nameof(GenerateTextOptions.Prompt));
        Flag<int> maxNewTokens = verb.Integer("--max-new-tokens", "maximum number of tokens to generate", s_default.MaxNewTokens)
            .Sets(nameof(GenerationOptions.MaxNewTokens));
        Flag<double> temperature =
            verb.Number("--temperature",
                "sampling temperature; 0 is greedy, 1 leaves the model's probabilities as they are", s_default.Temperature)
            .Sets(nameof(GenerationOptions.Temperature));
        Flag<int> topK = verb.Integer("--top-k", "sample from the k most probable tokens; 0 samples from all", s_default.TopK)
            .Sets(nameof(GenerationOptions.TopK));
        Flag<double> topP =
            verb.Number("--top-p",
                "sample from the most probable tokens whose probabilities sum up to this (nucleus sampling)", s_default.TopP)
            .Sets(nameof(GenerationOptions.TopP));
        Flag<ulong> seed = verb.Seed("seed of the sampling").Sets(nameof(GenerationOptions.Seed));
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        var json = new JsonFlag<GeneratedText>(verb, holdsUserText: true);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new GenerateTextOptions
            {
                Model = model.ValueOf(parse),
                Prompt = prompt.ValueOf(parse) ?? "",
                Rope = rope.Of(parse),
                Compute = compute.Of(parse),
                Adapter = adapter.ValueOf(parse),
                Generation = s_default with
                {
                    MaxNewTokens = maxNewTokens.ValueOf(parse),
                    Temperature = temperature.ValueOf(parse),
                    TopK = topK.ValueOf(parse),
                    TopP = topP.ValueOf(parse),
                    Seed = seed.ValueOf(parse),
                },
            };
            OptionCheck.Require("Generation", options); // before a text is waited for
            options = prompt.IsSpecified(parse) ? options : options with { Prompt = ReadAll(input) };
            var text = new StringBuilder();
            GenerateText.Run(options, piece =>
            {
                text.Append(piece);
                if (!screen.IsForPrograms)
                {
                    screen.Piece(piece);
                }
            }, screen.Notes, stop);
            json.Show(parse, screen, new GeneratedText(options.Model, options.Prompt, text.ToString()), () => screen.Line());
            return ExitCode.Success;
        });
        return verb;
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
