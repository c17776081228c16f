using Skipwise.Models;
using Skipwise.Models.Lora;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Lora;

/// <summary>
/// A frozen model with updates that are trained. Its folder is an adapter in PEFT's layout, with the tokenizer and the config.json of
/// the model that the adapter belongs to: the stretched rotary embedding is a part of what was trained.
/// </summary>
public sealed class AdaptedModel : ITrainable
{
    private readonly Pretrained _pretrained;
    private readonly LoraOptions _options;
    private readonly string _baseModel;

    /// <param name="pretrained">is changed: frozen, with updates; stays the caller's</param>
    /// <param name="options">rank, targets, bits</param>
    /// <param name="baseModel">what the adapter calls the base model</param>
    /// <param name="seed">of the updates and their dropout</param>
    public AdaptedModel(Pretrained pretrained, LoraOptions options, string baseModel, ulong seed)
    {
        Adaptation.Apply(pretrained.Model, options, seed);
        (_pretrained, _options, _baseModel) = (pretrained, options, baseModel);
    }

    public CausalLM Model => _pretrained.Model;

    public bool SavingRounds => false; // the trained weights are stored as they are

    public void WriteFiles(string folder)
    {
        LoraFiles.WriteInto(Adapter(), folder);
        _pretrained.WriteCompanions(folder);
    }

    public void ReadWeights(string folder)
    {
        using LoraAdapter adapter = LoraAdapter.Read(folder);
        using IDisposable noGradient = no_grad();
        Dictionary<string, Tensor> saved = adapter.Weights.SelectMany(w => new[] { (w.Module + ".lora_A.weight", w.A), (w.Module + ".lora_B.weight", w.B) })
            .Concat(adapter.Whole).ToDictionary(pair => pair.Item1, pair => pair.Item2);
        foreach ((string name, Parameter parameter) in Model.named_parameters().Where(p => p.parameter.requires_grad))
        {
            if (!saved.TryGetValue(_pretrained.Config.Family.StoredName(name), out Tensor? value) || !value.shape.SequenceEqual(parameter.shape))
            {
                throw new SkipwiseException($"{folder}: the adapter has no {name} of shape {TensorEntry.Describe(parameter.shape)}; it was trained with other options. Start afresh without --resume");
            }
            parameter.copy_(value);
        }
    }

    /// <summary>What has been trained; its tensors are the model's own.</summary>
    private LoraAdapter Adapter()
    {
        string Stored(string name) => _pretrained.Config.Family.StoredName(name);
        (string Name, Parameter Value)[] whole = [.. Model.named_parameters().Where(p => p.parameter.requires_grad && !p.name.Contains(".lora_", StringComparison.Ordinal))];
        LoraWeight[] updates = [.. Adaptation.Updates(Model).Select(u => new LoraWeight(Stored(u.Weight), u.A, u.B, u.Scale))];
        var config = new LoraConfig
        {
            Rank = _options.Rank,
            Alpha = _options.Scale * _options.Rank,
            Dropout = _options.Dropout,
            TargetModules = Modules(updates.Select(u => u.Module)),
            ModulesToSave = Modules(whole.Select(w => LoraWeight.ModuleOf(Stored(w.Name)))),
            BaseModel = _baseModel,
        };
        return new LoraAdapter(config, updates, [.. whole.Select(w => (Stored(w.Name), (Tensor)w.Value))]);
    }

    private static string[] Modules(IEnumerable<string> names) => [.. names.Select(name => name[(name.LastIndexOf('.') + 1)..]).Distinct()];
}
