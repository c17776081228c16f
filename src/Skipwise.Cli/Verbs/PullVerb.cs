using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Recipes;
using static System.FormattableString;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise pull</c></summary>
internal static class PullVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("pull", "Download a model or an adapter from the Hugging Face hub: only the files that Skipwise reads.",
            """
            skipwise pull meta-llama/Llama-2-7b-hf
            skipwise pull mistralai/Mistral-7B-v0.1@main --out mistral-7b
            skipwise pull Qwen/Qwen2-0.5B --json pulled.json
            # afterwards --model meta-llama/Llama-2-7b-hf is understood wherever a folder is
            """);
        var name = new Argument<string>("model")
        {
            HelpName = "org/name[@revision]",
            Description = "the model's name on the hub, and a branch, tag or commit [default: main]",
        };
        verb.Arguments.Add(name);
        Flag<string?> folder = verb.Text("--out", "folder",
            "folder for the files [default: the Hugging Face cache, which Python's programs share and --model finds]")
            .Sets(nameof(PullModelOptions.Out));
        var json = new JsonFlag<PulledModel>(verb);
        verb.OnRun(screen, (parse, stop) =>
        {
            var options = new PullModelOptions { Model = parse.GetValue(name)!, Out = folder.ValueOf(parse) };
            PulledModel pulled = ProgressDisplay.Run(screen,
                display => PullModel.Run(options, display.Downloading, screen.Notes, stop));
            json.Show(parse, screen, pulled, () => screen.Line(Invariant(
                $"{pulled.Folder}: {pulled.Model} at {pulled.Commit[..8]}, {pulled.Files} files, {pulled.Bytes / 1e9:0.00} GB, ") +
                Invariant($"{pulled.Downloaded / 1e9:0.00} GB of them downloaded")));
            return ExitCode.Success;
        });
        return verb;
    }
}
