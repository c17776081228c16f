using System.Runtime.InteropServices;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using static TorchSharp.torch;

namespace Skipwise.Tests.Cli;

/// <summary>A model with a NaN in it gets no score from any verb, and its tensor is named.</summary>
public sealed class DamagedModelTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string Broken = "model.norm.weight";

    [Theory]
    [InlineData("eval perplexity", "--data", "TEXT"), InlineData("eval passkey", "--lengths", "128", "--trials", "1")]
    [InlineData("eval needle", "--lengths", "300", "--trials", "1")]
    [InlineData("eval ruler", "--lengths", "1500", "--samples", "1"), InlineData("eval tasks", "--data", "TASKS", "--tasks", "piqa")]
    [InlineData("generate", "--prompt", "The river")]
    [InlineData("verify", "--reference", "REFERENCE"), InlineData("merge", "--adapter", "ADAPTER", "--out", "OUT")]
    [InlineData("export", "--out", "OUT")]
    [InlineData("train", "--data", "TEXT", "--target-length", "128", "--steps", "1", "--out", "OUT")]
    [InlineData("eval all", "--data", "TEXT", "--lengths", "64", "--out", "OUT")]
    public async Task Every_verb_that_computes_names_the_tensor(string verb, params string[] more)
    {
        string folder = Damaged(), outcome = model.Path($"out-{verb.Replace(' ', '-')}");
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(model.Path("tasks")).FullName, "piqa_validation.jsonl"),
            """{"goal": "Cross.", "sol1": "Take the boat", "sol2": "Walk", "label": 0}""");
        WriteReference();
        WriteAdapter();
        string[] arguments = [.. more.Select(argument => argument switch
        {
            "TEXT" => model.Text,
            "TASKS" => model.Path("tasks"),
            "REFERENCE" => model.Path("reference.safetensors"),
            "ADAPTER" => model.Path("adapter"),
            "OUT" => outcome,
            _ => argument,
        })];
        (await CliRun.Of([.. verb.Split(' '), "--model", folder, .. arguments])).Complained(Broken, "NaN");
        Assert.False(File.Exists(Path.Combine(outcome, HfConfig.FileName)));
    }

    private string Damaged()
    {
        string folder = model.Path("damaged");
        if (Directory.Exists(folder))
        {
            return folder;
        }
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(model.Folder, "model.safetensors"));
        long offset = file.Tensors[Broken].Offset;
        return model.With("damaged", "model.safetensors", bytes =>
        {
            MemoryMarshal.Write(bytes.AsSpan((int)offset), float.NaN);
            return bytes;
        });
    }

    private void WriteReference()
    {
        using var scope = NewDisposeScope();
        (Tensor ids, Tensor logits) = (arange(4L).view(1, 4),
            zeros(1, 4, HfConfig.ForModel(model.Folder).Model.VocabSize));
        SafetensorsWriter.Write(model.Path("reference.safetensors"),
            [("input_ids", ids, ids.dtype), ("position_ids.a", ids, ids.dtype), ("logits.a", logits, logits.dtype)]);
    }

    private void WriteAdapter()
    {
        using var scope = NewDisposeScope();
        string folder = Directory.CreateDirectory(model.Path("adapter")).FullName;
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), """{"peft_type": "LORA", "r": 1, "lora_alpha": 1}""");
        SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"), ((string[])["lora_A", "lora_B"]).Select((factor, i) =>
            ($"base_model.model.model.layers.0.self_attn.q_proj.{factor}.weight",
                ones(i == 0 ? 1 : 16, i == 0 ? 16 : 1), ScalarType.Float32)));
    }
}
