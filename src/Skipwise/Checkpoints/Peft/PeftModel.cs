using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Runs;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Peft;

/// <summary>
/// A frozen model with trainable LoRA adapters. Its folder is an adapter in PEFT's layout, with the tokenizer and the config.json of the
/// model, because the adapter was trained with its RoPE scaling.
/// </summary>
public sealed class PeftModel : ITrainable
{
    private readonly PretrainedModel _pretrained;
    private readonly LoraOptions _options;
    private readonly string _baseModel;

    /// <summary>Freezes a model and adds adapters to it.</summary>
    /// <param name="pretrained">is changed: frozen, with adapters; the caller still owns it</param>
    /// <param name="options">rank, targets, quantization</param>
    /// <param name="baseModel">base_model_name_or_path of the adapter</param>
    /// <param name="seed">of the initial factors and the dropout</param>
    public PeftModel(PretrainedModel pretrained, LoraOptions options, string baseModel, ulong seed)
    {
        LoraInjector.Apply(pretrained.Model, options, seed);
        (_pretrained, _options, _baseModel) = (pretrained, options, baseModel);
    }

    /// <inheritdoc/>
    public CausalLM Model => _pretrained.Model;

    /// <inheritdoc/>
    public bool SavingLosesPrecision => false; // the trained weights are stored in their own type

    /// <inheritdoc/>
    public void WriteFiles(string folder)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using IDisposable? present = GatherTrained();
        AdapterFiles.WriteInto(Adapter(), folder);
        _pretrained.WriteCompanions(folder);
    }

    /// <summary>Writes the trained weights in any format, under PEFT's names.</summary>
    internal void WriteWeights(IWeightWriter writer)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using IDisposable? present = GatherTrained();
        writer.Write(AdapterFiles.Tensors(Adapter()));
    }

    void ITrainable.TakePartInWriting()
    {
        using IDisposable? present = GatherTrained();
    }

    /// <summary>All trained weights, which are few, in place until the result is disposed.</summary>
    private IDisposable? GatherTrained() => Model.Residence?.Gather(Trained());

    private IEnumerable<Parameter> Trained() => Model.parameters().Where(parameter => parameter.requires_grad);

    /// <inheritdoc/>
    public void ReadWeights(string folder)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using IDisposable? present = GatherTrained();
        using LoraAdapter adapter = LoraAdapter.Read(folder);
        Tensor Fitting(string name, Tensor? value, long[] shape) => value is not null && value.shape.SequenceEqual(shape) ? value
            : throw new SkipwiseException(
                $"{folder}: the adapter has no {name} of shape {TensorEntry.Describe(shape)}; it was trained with other options. Start " +
                $"afresh without {OptionName.Of(nameof(SaveOptions.Resume))}");
        foreach (FusedLoraUpdate update in Updates())
        {
            LoraWeight? saved = adapter.Weights.FirstOrDefault(weight => weight.Target == update.Stored.Name);
            string module = LoraWeight.ModuleOf(update.Stored.Name);
            update.Separate(Fitting($"{module}.lora_A.weight", saved?.A, update.ShapeOfA),
                Fitting($"{module}.lora_B.weight", saved?.B, update.ShapeOfB));
        }
        foreach ((string name, Parameter parameter) in Whole())
        {
            parameter.copy_(Fitting(name, adapter.FullWeights.FirstOrDefault(saved => saved.Name == Stored(name)).Value, parameter.shape));
        }
        foreach (Parameter parameter in present is null ? [] : Trained())
        {
            Model.Residence!.Store(parameter, parameter);
        }
        _pretrained.ReadCompanions(folder);
    }

    private string Stored(string name) => _pretrained.Config.Family.StoredName(name);

    /// <summary>The LoRA factors, by the tensors of the base model's checkpoint.</summary>
    private IEnumerable<FusedLoraUpdate> Updates()
    {
        var updates = LoraInjector.LoraWeights(Model)
            .ToDictionary(update => update.Weight, update => (update.Weight, (Tensor)update.A, (Tensor)update.B));
        return _pretrained.Config.Family.StoredParameters(Model.Config)
            .Select(stored =>
                new FusedLoraUpdate(stored,
                    [.. stored.Blocks.Select(block => block.Canonical).Distinct().Where(updates.ContainsKey)
                        .Select(name => updates[name])]))
            .Where(update => update.Parts.Count > 0);
    }

    private IEnumerable<(string Name, Parameter Value)> Whole() =>
        from parameter in ModelParameter.AllOf(Model)
        where parameter.Parameter.requires_grad && parameter.Role != ParameterRole.Adapter
        select (parameter.Name, parameter.Parameter);

    /// <summary>The trained weights as an adapter to be stored.</summary>
    private LoraAdapter Adapter()
    {
        LoraWeight[] updates = [.. Updates().Select(update =>
        {
            (Tensor a, Tensor b) = update.Join();
            return new LoraWeight(update.Stored.Name, a, b, _options.Scaling);
        })];
        // fused tensors have the scale alpha / r of their parts
        var ranks = updates.Where(u => u.A.size(0) != _options.Rank).DistinctBy(u => LastPart(u.Module))
            .ToDictionary(u => LastPart(u.Module), u => (double)u.A.size(0));
        List<(string Name, Tensor Value)> whole = [.. Whole().Select(w => (Stored(w.Name), (Tensor)w.Value))];
        string embedding = Stored(ModelFamily.EmbeddingName);
        if (Model.Config.TieWordEmbeddings && whole.Find(w => w.Name == embedding).Value is { } tied)
        {
            // PEFT would keep the base model's head; every version reads this form
            whole.Add((Stored(ModelFamily.HeadName), tied));
        }
        var config = new LoraConfig
        {
            Rank = _options.Rank,
            Alpha = _options.Scaling * _options.Rank,
            RankPattern = ranks,
            AlphaPattern = ranks.ToDictionary(pair => pair.Key, pair => _options.Scaling * pair.Value),
            Dropout = _options.Dropout,
            TargetModules = [.. updates.Select(u => LastPart(u.Module)).Distinct()],
            ModulesToSave = [.. whole.Select(w => LastPart(LoraWeight.ModuleOf(w.Name))).Distinct()],
            BaseModel = _baseModel,
        };
        return new LoraAdapter(config, updates, whole);
    }

    private static string LastPart(string module) => module[(module.LastIndexOf('.') + 1)..];
}
