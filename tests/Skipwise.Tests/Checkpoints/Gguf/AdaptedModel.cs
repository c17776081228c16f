using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Numerics;
using Skipwise.Recipes;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>A small base model of any family, and an adapter of it that was trained with a RoPE scaling, in the folders that people
/// have.</summary>
/// <param name="Base">folder of the base model, as it is</param>
/// <param name="Adapter">folder of the adapter, with the config.json of its scaling</param>
internal sealed record AdaptedModel(TempFolder Temp, string Base, string Adapter)
{
    private const int Rank = 3;

    /// <summary>Writes both, with random factors.</summary>
    /// <param name="keys">of the base model's config.json</param>
    /// <param name="config">rank, alpha and patterns; null: rank 3 and alpha 6</param>
    /// <param name="with">other modules that are adapted, besides all of the layers</param>
    /// <param name="type">of the factors in the file</param>
    public static AdaptedModel Create(TempFolder temp, string family, RopeType rope, string keys = "", LoraConfig? config = null,
        string[]? with = null, ScalarType type = ScalarType.Float32)
    {
        using var scope = NewDisposeScope();
        config ??= new LoraConfig { Rank = Rank, Alpha = 6 };
        using PretrainedModel plain = ExtendedModel.Create(family, RopeType.Default, keys),
            extended = ExtendedModel.Create(family, rope, keys);
        plain.Save(temp["base"]);
        var rng = new KeyedRandom(9, stream: 3);
        Tensor Random(double scale, params long[] shape)
        {
            float[] values = new float[shape[0] * shape[1]];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (float)(scale * ((2 * rng.NextDouble()) - 1));
            }
            return tensor(values, shape);
        }
        string[] more = with ?? [];
        (string, Tensor, ScalarType)[] tensors =
        [
            .. plain.Config.Family.StoredParameters(plain.Model.Config)
                .Where(stored => stored.Shape.Count == 2
                    && (stored.Name.Contains(".layers.", StringComparison.Ordinal) || more.Contains(LoraWeight.ModuleOf(stored.Name))))
                .SelectMany(stored =>
                {
                    string module = LoraWeight.ModuleOf(stored.Name);
                    long rank = (long)config.RankOf(module), rows = stored.Shape[0], columns = stored.Shape[1];
                    bool isEmbedding = module.EndsWith("embed_tokens", StringComparison.Ordinal);
                    (string a, string b) = isEmbedding ? (".lora_embedding_A", ".lora_embedding_B") : (LoraName.A, LoraName.B);
                    (long outputs, long inputs) = isEmbedding ? (columns, rows) : (rows, columns);
                    return new[]
                    {
                        (LoraName.Prefix + module + a, Random(isEmbedding ? 0.7 : 1 / Math.Sqrt(columns), rank, inputs), type),
                        (LoraName.Prefix + module + b, Random(0.35, outputs, rank), type),
                    };
                }),
        ];
        Directory.CreateDirectory(temp["adapter"]);
        SafetensorsWriter.Write(Path.Combine(temp["adapter"], "adapter_model.safetensors"), tensors);
        temp.Write("adapter/adapter_config.json", config.Text());
        temp.Write("adapter/config.json", extended.Config.TextFor(extended.Model.Config));
        return new(temp, temp["base"], temp["adapter"]);
    }

    public ExportModelOptions Options => new()
    {
        Model = Base,
        Adapter = Adapter,
        Format = ExportFormat.GgufLora,
        Out = Temp["lora.gguf"],
    };

    /// <summary>The base model with the adapter in its weights.</summary>
    public PretrainedModel Merged() => PretrainedModel.Load(new ModelSource(Base, Adapter: Adapter));

    /// <summary>The base model with the scaling of the adapter, made as the export says.</summary>
    public PretrainedModel RequiredBase(RequiredBase needed)
    {
        string folder = Base;
        if (needed.Rope is null)
        {
            folder = Temp.Copy(Base, "other");
            File.Copy(Path.Combine(Adapter, "config.json"), Path.Combine(folder, "config.json"), overwrite: true);
        }
        return PretrainedModel.Load(new ModelSource(folder, needed.Rope));
    }

    /// <summary>Writes a model without a tokenizer, in float32.</summary>
    public string Gguf(PretrainedModel model, string name)
    {
        GgufExport.Write(model, Temp[name], "tiny", GgufType.F32, null, [], null);
        return Temp[name];
    }
}
