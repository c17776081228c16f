using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Data;
using Skipwise.Recipes;
using Skipwise.TokenStores;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise prepare</c></summary>
internal static class PrepareVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("prepare", "Tokenize text once, into a file that 'train' and 'eval perplexity' take as --data.",
            """
            skipwise prepare --model llama-2-7b --data books/ --out books.tokens
            skipwise prepare --model llama-2-7b --data corpus.jsonl.zst --text-field content --out corpus.tokens
            skipwise prepare --model llama-2-7b --data stories.txt --separator "<|endoftext|>" --out stories.tokens
            """);
        Flag<string> model = verb.Required("--model", "folder",
                "Hugging Face folder whose tokenizer is used, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(PrepareDatasetOptions.Model));
        var data = new DataFlags(verb, takesStores: false);
        Flag<string> file = verb.Required("--out", "file", $"file to write; its name ends in {TrainingData.StoreExtension}")
            .Sets(nameof(PrepareDatasetOptions.Out));
        var json = new JsonFlag<PreparedFile>(verb);
        verb.OnRun(screen, (parse, stop) =>
        {
            var options = new PrepareDatasetOptions { Model = model.ValueOf(parse), Data = data.Of(parse), Out = file.ValueOf(parse) };
            OptionCheck.Require("Preparing", options);
            DataFlags.Tell(options.Data, screen);
            TokenizationProgress totals = ProgressDisplay.Run(screen, display => PrepareDataset.Run(options, display.Tokenizing, stop));
            json.Show(parse, screen, new PreparedFile(options.Out, totals.Documents, totals.Tokens, totals.Bytes), () =>
                screen.Line(
                    $"{options.Out}: {totals.Documents} documents, {totals.Tokens} tokens ({(double)totals.Bytes / totals.Tokens:F2} " +
                    $"bytes per token)"));
            return ExitCode.Success;
        });
        return verb;
    }
}
