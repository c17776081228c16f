using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise merge</c></summary>
internal static class MergeVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("merge", "Merge a LoRA adapter into its base model and save the result as a new model folder.",
            """
            skipwise merge --model llama-2-7b --adapter lora-16k --out llama-2-7b-16k
            skipwise merge -m llama-2-7b -a lora-16k -o llama-2-7b-16k --threads 8
            skipwise merge --model llama-2-7b --adapter lora-16k --out llama-2-7b-16k --json merged.json
            """);
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder of the base model, or a GGUF file")
            .Sets(nameof(MergeAdapterOptions.Model));
        Flag<string> adapter =
            verb.Required("--adapter", "folder", "LoRA adapter in PEFT's layout (adapter_config.json, adapter_model.safetensors or .bin)")
            .Sets(nameof(MergeAdapterOptions.Adapter));
        Flag<string> folder = verb.Required("--out", "folder", "folder of the merged model").Sets(nameof(MergeAdapterOptions.Out));
        var json = new JsonFlag<MergedModel>(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options =
                new MergeAdapterOptions { Model = model.ValueOf(parse), Adapter = adapter.ValueOf(parse), Out = folder.ValueOf(parse) };
            MergedAdapter merged = MergeAdapter.Run(options, screen.Notes, stop);
            json.Show(parse, screen, new MergedModel(options.Out, merged.Updates, merged.Replaced, merged.LosesPrecision), () =>
                screen.Line(
                    $"saved {options.Out}: {merged.Updates} weights updated" +
                    $"{(merged.Replaced > 0 ? $", {merged.Replaced} replaced" : "")}"));
            if (merged.LosesPrecision)
            {
                screen.Note("warning: the merged weights were rounded to the type in which the base model is stored");
            }
            return ExitCode.Success;
        });
        return verb;
    }
}
