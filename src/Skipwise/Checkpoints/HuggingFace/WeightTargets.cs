using Skipwise.Checkpoints.Formats;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Storage;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// The destinations of a model's weights: its parameters. Projections to be quantized are quantized one by one, as soon as all their rows
/// have been read, so that at most one of them is in memory unquantized; so are parameters that are kept elsewhere (divided among ranks).
/// </summary>
internal sealed class WeightTargets : IDisposable
{
    private readonly Dictionary<string, Parameter> _parameters;
    private readonly Dictionary<string, Projection> _packed = [];
    private readonly Dictionary<string, (Tensor Weight, long Rows)> _open = []; // whole and unquantized, and rows read so far
    private readonly IParameterResidence? _residence;
    private readonly int? _bits;
    private readonly bool _map;
    private int _alignment = MappedFile.Alignment;

    /// <summary>The destinations of a model.</summary>
    /// <param name="model">receives the weights</param>
    /// <param name="bits">8 or 4: quantize the layers' projections; null: no quantization</param>
    /// <param name="map">whether parameters may be memory-mapped</param>
    public WeightTargets(CausalLM model, int? bits, bool map)
    {
        (_bits, _map, _residence) = (bits, map, model.Residence);
        _parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        if (bits is not null)
        {
            _packed = LoraInjector.Projections(model).ToDictionary(p => $"{p.Name}.weight", p => p.Projection);
            foreach (Projection projection in _packed.Values)
            {
                projection.FreeWeight();
            }
        }
    }

    /// <summary>For an inference-only model: matrices get the file's type if it has 16 bits, and tensors are mapped at any
    /// alignment.</summary>
    public void KeepStoredTypes(WeightLayout layout)
    {
        _alignment = 1;
        foreach ((StoredParameter stored, ScalarType type) in layout.HalfPrecision)
        {
            foreach (string canonical in stored.Blocks.Select(block => block.Canonical).Distinct())
            {
                Parameter parameter = _parameters[canonical];
                if (!_packed.ContainsKey(canonical))
                {
                    using Tensor narrow = empty(parameter.shape, type);
                    ParameterData.Set(parameter, narrow);
                    parameter.requires_grad = false;
                }
            }
        }
    }

    /// <summary>The tensor to read a parameter into.</summary>
    /// <param name="canonical">the parameter's name</param>
    public Tensor Target(string canonical)
    {
        if (IsInPlace(canonical))
        {
            return _parameters[canonical];
        }
        if (!_open.TryGetValue(canonical, out var open))
        {
            Tensor whole = _packed.TryGetValue(canonical, out Projection? projection) ? projection.EmptyWeight()
                : empty(_parameters[canonical].shape, _parameters[canonical].dtype);
            open = _open[canonical] = (whole.DetachFromDisposeScope(), 0);
        }
        return open.Weight;
    }

    /// <summary>A parameter of the model.</summary>
    public Parameter Parameter(string canonical) => _parameters[canonical];

    /// <summary>Brings a parameter that has been read in place until the result is disposed.</summary>
    public IDisposable? Gather(string canonical) => _residence?.Gather([_parameters[canonical]]);

    private bool IsInPlace(string canonical) => !_packed.ContainsKey(canonical) && _residence?.Holds(_parameters[canonical]) != true;

    public Tensor Rows(RowBlock block) => Target(block.Canonical).narrow(0, block.FirstRow, block.Rows);

    /// <summary>Maps a parameter onto the entry's bytes, if the block is the whole parameter and has its type.</summary>
    /// <returns>false if they must be read instead</returns>
    public bool TryMap(RowBlock block, TensorFile file, TensorEntry entry)
    {
        if (!_map || !IsInPlace(block.Canonical))
        {
            return false;
        }
        Parameter parameter = _parameters[block.Canonical];
        bool isWhole = block.Rows == parameter.size(0), isAsStored = entry.Type.Torch == parameter.dtype
            && parameter.device_type == DeviceType.CPU;
        if (!isWhole || !isAsStored || file.Map(entry, _alignment) is not { } mapped)
        {
            return false;
        }
        parameter.set_(mapped);
        return true;
    }

    /// <summary>Records that these rows have been read.</summary>
    public void MarkFilled(IReadOnlyList<RowBlock> blocks)
    {
        foreach (RowBlock block in blocks.Where(block => !IsInPlace(block.Canonical)))
        {
            (Tensor weight, long rows) = _open[block.Canonical];
            _open[block.Canonical] = (weight, rows + block.Rows);
            if (rows + block.Rows == weight.size(0))
            {
                if (_packed.TryGetValue(block.Canonical, out Projection? projection))
                {
                    projection.Quantize(_bits!.Value, weight);
                }
                else
                {
                    _residence!.Store(_parameters[block.Canonical], weight);
                }
                weight.Dispose();
                _open.Remove(block.Canonical);
            }
        }
    }

    public void Dispose()
    {
        foreach ((Tensor weight, _) in _open.Values)
        {
            weight.Dispose();
        }
    }
}
