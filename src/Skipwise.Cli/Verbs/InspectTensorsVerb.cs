using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise inspect tensors</c></summary>
internal static class InspectTensorsVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("tensors", "List the tensors of a model's weight files, without loading them.",
            """
            skipwise inspect tensors --model llama-2-7b
            skipwise inspect tensors --model llama-2-7b --json
            skipwise inspect tensors --model llama-2-7b --json tensors.json
            """);
        Flag<string> folder = verb.Required("--model", "folder", "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file");
        var json = new JsonFlag<IReadOnlyList<TensorDescription>>(verb);
        verb.OnRun(screen, (parse, _) =>
        {
            IReadOnlyList<TensorDescription> tensors = InspectModel.Tensors(folder.ValueOf(parse));
            json.Show(parse, screen, tensors, () => screen.Table(new ResultTable($"{tensors.Count} tensors",
                ["name", "shape", "type", "file"],
                [.. tensors.Select(tensor =>
                    (IReadOnlyList<string>)[tensor.Name, $"[{string.Join(", ", tensor.Shape)}]", tensor.Type, tensor.File])])));
            return ExitCode.Success;
        });
        return verb;
    }
}
