using System.Text;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
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
        var verb = new Verb("generate", "Continue a text; it appears as it is written.",
            "skipwise generate --model llama-2-7b-16k --prompt \"Once upon a time\" --temperature 0.8\nskipwise generate --model " +
            "llama-2-7b-16k --max-new-tokens 200 < chapter.txt");
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder");
        Flag<string?> adapter = verb.Adapter();
        Flag<string?> prompt = verb.Text("--prompt", "text", "the text to continue [default: the standard input]");
        Flag<int> maxNewTokens = verb.Integer("--max-new-tokens", "tokens to generate at most", s_default.MaxNewTokens);
        Flag<double> temperature =
            verb.Number("--temperature", "0 takes the most probable token every time; 1 draws as the model would", s_default.Temperature);
        Flag<int> topK = verb.Integer("--top-k", "draw from the k most probable tokens only; 0 draws from all", s_default.TopK);
        Flag<double> topP =
            verb.Number("--top-p", "draw from the most probable tokens that reach this probability together", s_default.TopP);
        Flag<ulong> seed = verb.Seed("seed of the draws", s_default.Seed);
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
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
            GenerateText.Run(options, screen.Piece, screen.Notes, stop);
            screen.Line();
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
