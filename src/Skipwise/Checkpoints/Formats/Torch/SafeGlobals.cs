namespace Skipwise.Checkpoints.Formats.Torch;

/// <summary>The few globals that a file of tensors may call. Each only decomposes its arguments.</summary>
internal static class SafeGlobals
{
    private const int MostDimensions = 64; // libtorch's own limit

    private static readonly Dictionary<string, string> s_storages = new()
    {
        ["torch.DoubleStorage"] = "F64",
        ["torch.FloatStorage"] = "F32",
        ["torch.HalfStorage"] = "F16",
        ["torch.BFloat16Storage"] = "BF16",
        ["torch.LongStorage"] = "I64",
        ["torch.IntStorage"] = "I32",
        ["torch.ShortStorage"] = "I16",
        ["torch.CharStorage"] = "I8",
        ["torch.ByteStorage"] = "U8",
        ["torch.BoolStorage"] = "BOOL",
        ["torch.ComplexFloatStorage"] = "C64",
    };

    /// <summary>Calls a global.</summary>
    /// <exception cref="FormatException">anything but an empty ordered dictionary, a tensor or a parameter</exception>
    public static object Call(object? callee, object? arguments)
    {
        if (callee is not PickleGlobal { Name: string name } || arguments is not object?[] given)
        {
            throw new FormatException("calls what is no name");
        }
        return (name, given) switch
        {
            ("collections.OrderedDict", []) => new PickleDictionary(),
            ("torch._utils._rebuild_tensor_v2", [PickleStorage storage, long offset, object?[] sizes, object?[] strides, ..]) =>
                Tensor(storage, offset, Numbers(sizes), Numbers(strides)),
            ("torch._utils._rebuild_parameter" or "torch._utils._rebuild_parameter_with_state", [PickleTensor tensor, ..]) => tensor,
            ("collections.OrderedDict" or "torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_parameter"
                or "torch._utils._rebuild_parameter_with_state", _) =>
                throw new FormatException($"calls {name} with other arguments than PyTorch does"),
            _ => throw new FormatException($"it asks to call {name}. Only tensors are read, and nothing is ever called"),
        };
    }

    /// <summary>Resolves the persistent id ('storage', type, key, device, count).</summary>
    public static PickleStorage Storage(object? reference)
    {
        if (reference is not object?[] parts
            || parts is not ["storage", PickleGlobal { Name: string name }, string key, string, long count] || count < 0)
        {
            throw new FormatException("refers to something outside that is no storage");
        }
        string type = s_storages.GetValueOrDefault(name)
            ?? throw new FormatException($"holds a {name}; readable are {string.Join(", ", s_storages.Keys)}");
        return new PickleStorage(StoredType.FromName(type)!, key, count);
    }

    private static PickleTensor Tensor(PickleStorage storage, long offset, long[] sizes, long[] strides)
    {
        if (sizes.Length != strides.Length || sizes.Length > MostDimensions || offset < 0)
        {
            throw new FormatException($"a tensor of {sizes.Length} sizes and {strides.Length} strides, from element {offset}");
        }
        // Index of the last element, and the number of elements, in a type that cannot overflow.
        Int128 last = offset, elements = 1;
        for (int i = 0; i < sizes.Length; i++)
        {
            if (sizes[i] < 0 || strides[i] < 0)
            {
                throw new FormatException($"a tensor with size {sizes[i]} and stride {strides[i]}; neither can be negative");
            }
            last += Int128.Max(0, sizes[i] - 1) * strides[i];
            elements *= sizes[i] == 0 ? 1 : sizes[i];
            if (last >= long.MaxValue || elements >= long.MaxValue)
            {
                throw new FormatException("a tensor larger than any file");
            }
        }
        bool isEmpty = sizes.Contains(0);
        if (!isEmpty && (last >= storage.Count || elements > storage.Count))
        {
            throw new FormatException(
                $"a tensor {TensorEntry.Describe(sizes)} with strides {TensorEntry.Describe(strides)} from element {offset} on does not " +
                $"fit into its storage of {storage.Count}");
        }
        return new PickleTensor(storage, offset, sizes, strides);
    }

    private static long[] Numbers(object?[] tuple) =>
        [.. tuple.Select(item => item is long number ? number : throw new FormatException("a size or stride that is no whole number"))];
}
